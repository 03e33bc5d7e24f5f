import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { loadDataset } from '../../bench/harness/dataset.ts';
import { bruteForce } from '../../bench/harness/ground-truth.ts';
import {
  type GroundTruth,
  readGroundTruth,
  readVectors,
  type Vectors,
  vectorAt,
} from '../../bench/harness/vector-file.ts';
import { tempDir } from '../temp-dir.ts';

function header(a: number, b: number): Buffer {
  return Buffer.from(Uint32Array.of(a, b).buffer);
}

function encodeVectors({ rows, dimension, values }: Vectors): Buffer {
  const body = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([header(rows, dimension), body]);
}

function encodeTruth({ queries, k, ids, distances }: GroundTruth): Buffer {
  const body = [Buffer.from(ids.buffer), Buffer.from(distances.buffer)];
  return Buffer.concat([header(queries, k), ...body]);
}

const choice = { dataset: undefined, limit: undefined, full: true, seed: 7 };

const base: Vectors = {
  rows: 2000,
  dimension: 3,
  values: new Uint8Array(6000).map((_, i) => i * i),
};
const queries: Vectors = { rows: 2, dimension: 3, values: Uint8Array.of(1, 2, 3, 200, 100, 50) };

test('vectors are read as stored, bytes or floats, gzipped or not', async () => {
  await using dir = await tempDir();
  const floats: Vectors = { rows: 2, dimension: 2, values: Float32Array.of(0.5, -1, 2, 3) };
  writeFileSync(join(dir.path, 'a.u8bin'), encodeVectors(queries));
  writeFileSync(join(dir.path, 'b.fbin.gz'), gzipSync(encodeVectors(floats)));
  expect([...readVectors(join(dir.path, 'a'))!.values]).toEqual([...queries.values]);
  expect(vectorAt(readVectors(join(dir.path, 'b'))!, 1)).toEqual(Float32Array.of(2, 3));
  expect(readVectors(join(dir.path, 'c'))).toBeUndefined();
});

test('a file shorter than its header says is refused', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'a.u8bin');
  writeFileSync(path, encodeVectors(queries).subarray(0, 13));
  expect(() => readVectors(join(dir.path, 'a'))).toThrow(/13 bytes/);
  writeFileSync(join(dir.path, 't.gt100'), header(1, 5));
  expect(() => readGroundTruth(join(dir.path, 't.gt100'))).toThrow(/asks for 48/);
});

test('a folder with a truth: the truth is used, its metric found', async () => {
  await using dir = await tempDir();
  const folder = join(dir.path, 'some');
  mkdirSync(folder);
  writeFileSync(join(folder, 'base.u8bin.gz'), gzipSync(encodeVectors(base)));
  writeFileSync(join(folder, 'query.u8bin'), encodeVectors(queries));
  const truth = bruteForce('cosine', base, queries, 12);
  writeFileSync(join(folder, 'groundtruth.gt100'), encodeTruth(truth));
  const loaded = loadDataset({ ...choice, data: dir.path });
  expect(loaded.name).toBe('some');
  expect(loaded.metric).toBe('cosine');
  expect(loaded.truth.ids).toEqual(truth.ids);
});

test('a limit takes the stored truth of that many rows, else computes one', async () => {
  await using dir = await tempDir();
  writeFileSync(join(dir.path, 'base.u8bin'), encodeVectors(base));
  writeFileSync(join(dir.path, 'query.u8bin'), encodeVectors(queries));
  const first = bruteForce('l2', { ...base, rows: 1000 }, queries, 20);
  writeFileSync(join(dir.path, 'groundtruth_first1k.gt100'), encodeTruth(first));
  const load = (limit: number): GroundTruth =>
    loadDataset({ ...choice, data: join(dir.path, '..'), dataset: nameOf(dir.path), limit }).truth;
  expect(load(1000).k).toBe(20);
  expect(load(999)).toEqual(bruteForce('l2', { ...base, rows: 999 }, queries, 10));
});

function nameOf(path: string): string {
  return path.split('/').at(-1) ?? '';
}

test('without a folder the data is synthetic, the same for the same seed', () => {
  const load = (seed: number): Vectors =>
    loadDataset({ ...choice, full: false, limit: 100, data: undefined, seed }).base;
  expect(load(1)).toEqual(load(1));
  expect(load(1)).not.toEqual(load(2));
  expect(load(1).rows).toBe(100);
});
