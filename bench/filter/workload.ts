/**
 * What a filtered search is asked for: numbers beside each vector, and filters that pass a share of them.
 * `random` means nothing; the other fields are the columns of the further files in the data set's folder
 * (`NAME.u8bin`, `NAME.u16bin`: u32 rows, u32 columns, then the rows), in which near vectors are often alike; of
 * synthetic data, the first number of each vector.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { seededRandom } from '../../src/base/random.ts';
import { type DatasetChoice, type DatasetVectors, loadVectors } from '../harness/dataset.ts';
import type { Vectors } from '../harness/vector-file.ts';

export interface Field {
  readonly name: string;
  /** One a row. */
  readonly values: Float64Array;
}

/** Rows whose value is below `below`. */
export interface RangeFilter {
  readonly field: string;
  readonly below: number;
  /** What was wanted; ties may make it another. */
  readonly share: number;
}

export interface Workload extends DatasetVectors {
  readonly fields: readonly Field[];
  readonly filters: readonly RangeFilter[];
}

const SHARES = [0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.9];
const COLUMNS_MAX = 2;
const FILE = /^(.+)\.(u8|u16)bin(\.gz)?$/;

export function loadWorkload(choice: DatasetChoice): Workload {
  const vectors = loadVectors(choice);
  const random = seededRandom(choice.seed);
  const values = Float64Array.from({ length: vectors.base.rows }, () => random());
  const fields = [{ name: 'random', values }, ...relatedFields(choice, vectors)];
  return { ...vectors, fields, filters: fields.flatMap(filtersOf) };
}

function relatedFields(choice: DatasetChoice, { name, base }: DatasetVectors): Field[] {
  const folder = choice.data === undefined ? undefined : join(choice.data, name);
  if (folder === undefined || !existsSync(folder)) return [firstNumbers(base)];
  const columns = readdirSync(folder).flatMap((file) => {
    const [, stem, type] = FILE.exec(file) ?? [];
    if (stem === undefined || stem === 'base' || stem === 'query') return [];
    return readColumns(join(folder, file), { stem, type, rows: base.rows });
  });
  return columns.length === 0 ? [firstNumbers(base)] : columns.slice(0, COLUMNS_MAX);
}

function firstNumbers({ rows, dimension, values }: Vectors): Field {
  const first = Float64Array.from({ length: rows }, (_, row) => values[row * dimension]);
  return { name: 'first', values: first };
}

function readColumns(
  path: string,
  { stem, type, rows }: { readonly stem: string; readonly type: string; readonly rows: number },
): Field[] {
  const file = readFileSync(path);
  const bytes = path.endsWith('.gz') ? gunzipSync(file) : file;
  const columns = bytes.readUInt32LE(4);
  if (bytes.readUInt32LE(0) < rows) return [];
  const width = type === 'u8' ? 1 : 2;
  return Array.from({ length: columns }, (_, column) => {
    const at = (row: number): number => 8 + (row * columns + column) * width;
    const read = (row: number): number => bytes.readUIntLE(at(row), width);
    const name = columns === 1 ? stem : `${stem}${column}`;
    return { name, values: Float64Array.from({ length: rows }, (_, row) => read(row)) };
  });
}

/** Those that pass anything, and not the same twice. */
function filtersOf({ name, values }: Field): RangeFilter[] {
  const sorted = values.slice().sort();
  const filters = new Map<number, RangeFilter>();
  for (const share of SHARES) {
    const below = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length))];
    if (below > sorted[0]) filters.set(below, { field: name, below, share });
  }
  return [...filters.values()];
}

/** The rows that pass, ascending. */
export function matchingRows({ fields }: Workload, { field, below }: RangeFilter): Uint32Array {
  const values = fields.find(({ name }) => name === field)?.values ?? new Float64Array(0);
  const rows: number[] = [];
  for (let row = 0; row < values.length; row++) if (values[row] < below) rows.push(row);
  return Uint32Array.from(rows);
}
