/**
 * A workload as a folder that other systems can replay, in the trace format of LSM-Vec's benchmark
 * (github.com/NTU-Siqiang-Group/lsm-vec-benchmark, driver/trace_format.md):
 *
 *   manifest.json     base.fbin   base.ids.u32   pool.fbin   pool.ids.u32   query.fbin
 *   epoch_NNN.ins.u32, epoch_NNN.del.u32   bare lists of ids; no file: none
 *   gt/epoch_NNN.gt100                     the 100 nearest of the living, after that epoch
 *
 * An id keeps its vector for the whole run: workloads that replace vectors cannot be written.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GroundTruth, readVectors, type Vectors } from '../harness/vector-file.ts';
import { Truth } from './truth.ts';
import { applyEpoch, type Epoch, livingBase, type Workload } from './workload.ts';

interface Manifest {
  readonly dataset: string;
  readonly dim: number;
  readonly metric: string;
  readonly scale: number;
  readonly ratio: string;
  readonly n_base: number;
  readonly n_pool: number;
  readonly n_queries: number;
  readonly n_epochs: number;
  readonly ops_per_epoch: number;
  readonly gt_interval: number;
  readonly seed: number;
  readonly delete_policy: string;
}

const TRUTH_K = 100;

/** Writes the trace, ground truth included. The folder is made; files in it are overwritten. */
export function writeTrace(
  folder: string,
  workload: Workload,
  { interval, seed }: { readonly interval: number; readonly seed: number },
): void {
  const { base, epochs, vectors, queries } = workload;
  mkdirSync(join(folder, 'gt'), { recursive: true });
  requireFixedVectors(workload);
  const pool = Uint32Array.from(epochs.flatMap(({ rows }) => [...rows]));
  writeFbin(join(folder, 'base.fbin'), vectors, base.rows);
  writeIds(join(folder, 'base.ids.u32'), base.ids);
  writeFbin(join(folder, 'pool.fbin'), vectors, pool);
  writeIds(join(folder, 'pool.ids.u32'), Uint32Array.from(epochs.flatMap(({ ids }) => [...ids])));
  writeFbin(join(folder, 'query.fbin'), queries, undefined);
  const truth = new Truth(workload);
  const living = livingBase(workload);
  for (const epoch of epochs) {
    writeIds(join(folder, `${stem(epoch.number)}.ins.u32`), epoch.ids);
    writeIds(join(folder, `${stem(epoch.number)}.del.u32`), epoch.deleted);
    applyEpoch(living, epoch);
    if (!epoch.isMeasured) continue;
    const nearest = truth.of(living, Math.min(TRUTH_K, living.size));
    writeTruth(join(folder, 'gt', `${stem(epoch.number)}.gt100`), nearest);
  }
  const [first] = epochs;
  const inserts = first?.ids.length ?? 0;
  const deletes = first?.deleted.length ?? 0;
  const manifest: Manifest = {
    dataset: workload.dataset,
    dim: vectors.dimension,
    metric: workload.metric,
    scale: base.ids.length,
    ratio: `r${Math.round((100 * inserts) / Math.max(1, inserts + deletes))}${Math.round((100 * deletes) / Math.max(1, inserts + deletes))}`,
    n_base: base.ids.length,
    n_pool: pool.length,
    n_queries: queries.rows,
    n_epochs: epochs.length,
    ops_per_epoch: inserts + deletes,
    gt_interval: interval,
    seed,
    delete_policy: workload.name === 'window' ? 'oldest' : 'uniform_live',
  };
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Reads a trace, ours or another's. Throws an `Error` that names the file. */
export function readTrace(folder: string): Workload {
  const path = join(folder, 'manifest.json');
  if (!existsSync(path)) throw new Error(`no manifest.json in ${folder}`);
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  if (!['l2', 'cosine', 'dot'].includes(manifest.metric)) {
    throw new Error(`${path}: metric '${manifest.metric}' is none of l2, cosine, dot`);
  }
  const base = requireVectors(join(folder, 'base'), manifest.dim);
  const pool = requireVectors(join(folder, 'pool'), manifest.dim);
  const baseIds = readIds(join(folder, 'base.ids.u32'));
  const poolIds = readIds(join(folder, 'pool.ids.u32'));
  if (baseIds.length !== base.rows || poolIds.length !== pool.rows) {
    throw new Error(`${folder}: as many ids as vectors are needed`);
  }
  const values = new Float32Array((base.rows + pool.rows) * manifest.dim);
  values.set(base.values);
  values.set(pool.values, base.rows * manifest.dim);
  const rowOf = new Map<number, number>();
  for (const [row, id] of [...baseIds, ...poolIds].entries()) rowOf.set(id, row);
  const rowsOf = (ids: Uint32Array, file: string): Uint32Array =>
    ids.map((id) => {
      const row = rowOf.get(id);
      if (row === undefined) throw new Error(`${file}: id ${id} has no vector`);
      return row;
    });
  const epochs: Epoch[] = [];
  for (let number = 0; number < manifest.n_epochs; number++) {
    const file = join(folder, `${stem(number)}.ins.u32`);
    const ids = readIds(file);
    const deleted = readIds(join(folder, `${stem(number)}.del.u32`));
    const isMeasured = existsSync(join(folder, 'gt', `${stem(number)}.gt100`));
    epochs.push({ number, ids, rows: rowsOf(ids, file), deleted, isMeasured });
  }
  return {
    name: `trace ${manifest.ratio}`,
    dataset: manifest.dataset,
    metric: manifest.metric as Workload['metric'],
    vectors: { rows: base.rows + pool.rows, dimension: manifest.dim, values },
    queries: requireVectors(join(folder, 'query'), manifest.dim),
    base: { ids: baseIds, rows: Uint32Array.from({ length: base.rows }, (_, row) => row) },
    epochs,
  };
}

function stem(epoch: number): string {
  return `epoch_${String(epoch).padStart(3, '0')}`;
}

function requireFixedVectors({ base, epochs, name }: Workload): void {
  const ids = new Set<number>(base.ids);
  for (const epoch of epochs) {
    for (const id of epoch.ids) {
      if (ids.has(id)) throw new Error(`workload ${name} gives ${id} a vector twice: no trace can`);
      ids.add(id);
    }
  }
}

function requireVectors(path: string, dimension: number): Vectors {
  const vectors = readVectors(path);
  if (vectors === undefined) throw new Error(`there is no ${path}.fbin`);
  if (vectors.dimension !== dimension) {
    throw new Error(`${path}.fbin has dimension ${vectors.dimension}, the manifest ${dimension}`);
  }
  return vectors;
}

function readIds(path: string): Uint32Array {
  if (!existsSync(path)) return new Uint32Array(0);
  const bytes = readFileSync(path);
  if (bytes.length % 4 !== 0) throw new Error(`${path} has ${bytes.length} bytes, no whole ids`);
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function writeIds(path: string, ids: Uint32Array): void {
  writeFileSync(path, bytesOf(ids));
}

/** All rows when `rows` is undefined. */
function writeFbin(path: string, vectors: Vectors, rows: Uint32Array | undefined): void {
  const { dimension } = vectors;
  const count = rows?.length ?? vectors.rows;
  const values = new Float32Array(count * dimension);
  for (let i = 0; i < count; i++) {
    const start = (rows?.[i] ?? i) * dimension;
    values.set(vectors.values.subarray(start, start + dimension), i * dimension);
  }
  writeFileSync(path, Buffer.concat([bytesOf(Uint32Array.of(count, dimension)), bytesOf(values)]));
}

function writeTruth(path: string, { queries, k, ids, distances }: GroundTruth): void {
  writeFileSync(
    path,
    Buffer.concat([bytesOf(Uint32Array.of(queries, k)), bytesOf(ids), bytesOf(distances)]),
  );
}

function bytesOf(array: Uint32Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
