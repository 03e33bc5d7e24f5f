import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { loadWorkload, matchingRows } from '../../bench/filter/workload.ts';
import { tempDir } from '../temp-dir.ts';

const choice = { dataset: undefined, limit: undefined, full: true, seed: 7 };

function header(rows: number, columns: number): Buffer {
  return Buffer.from(Uint32Array.of(rows, columns).buffer);
}

test('fields are the columns of the files beside the vectors', async () => {
  await using dir = await tempDir();
  const folder = join(dir.path, 'set');
  mkdirSync(folder);
  const rows = 40;
  const bytes = (count: number): Buffer =>
    Buffer.from(Uint8Array.from({ length: count }, (_, i) => i));
  writeFileSync(join(folder, 'base.u8bin'), Buffer.concat([header(rows, 2), bytes(2 * rows)]));
  writeFileSync(join(folder, 'query.u8bin'), Buffer.concat([header(1, 2), bytes(2)]));
  const pairs = Uint16Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? i * 300 : 7));
  const column = Buffer.concat([header(rows, 2), Buffer.from(pairs.buffer)]);
  writeFileSync(join(folder, 'kind.u16bin.gz'), gzipSync(column));
  writeFileSync(join(folder, 'short.u8bin'), Buffer.concat([header(3, 1), bytes(3)]));
  const workload = loadWorkload({ ...choice, data: dir.path });
  expect(workload.fields.map(({ name }) => name)).toEqual(['random', 'kind0', 'kind1']);
  expect([...workload.fields[1].values.subarray(0, 3)]).toEqual([0, 600, 1200]);
  const half = workload.filters.filter(({ field, share }) => field === 'kind0' && share === 0.5);
  expect([...matchingRows(workload, half[0])]).toEqual(Array.from({ length: 20 }, (_, i) => i));
  // A column of one value parts nothing.
  expect(workload.filters.filter(({ field }) => field === 'kind1')).toEqual([]);
  for (const filter of workload.filters) {
    const { length } = matchingRows(workload, filter);
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThanOrEqual(Math.ceil(filter.share * rows));
  }
});

test('without a folder the fields are a random one and the first number of each vector', () => {
  const workload = loadWorkload({ ...choice, data: undefined, full: false });
  expect(workload.fields.map(({ name }) => name)).toEqual(['random', 'first']);
  expect(loadWorkload({ ...choice, data: undefined, full: false }).fields).toEqual(workload.fields);
});
