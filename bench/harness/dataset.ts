/**
 * Where a bench's vectors come from: a folder with `base.*`, `query.*` and perhaps `groundtruth.gt100`
 * (also `groundtruth_firstNk.gt100` for the first N thousand rows), or, when no folder is given,
 * seeded synthetic clusters. No claim rests on synthetic data, and the first row of a bench says so.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../src/base/random.ts';
import { seededRandom } from '../../src/base/random.ts';
import { bruteForce, type Metric, metricOf } from './ground-truth.ts';
import type { BenchOptions } from './options.ts';
import {
  firstRows,
  type GroundTruth,
  hasVectors,
  readGroundTruth,
  readVectors,
  type Vectors,
} from './vector-file.ts';

export interface Dataset {
  /** The folder's name, or `synthetic`. */
  readonly name: string;
  /** The name, and how many of the first rows are taken unless it is all: `photos-100k`. */
  readonly label: string;
  readonly metric: Metric;
  readonly base: Vectors;
  readonly queries: Vectors;
  readonly truth: GroundTruth;
}

/** What decides on a data set: plain data, so that a child process can load the same one. */
export type DatasetChoice = Pick<BenchOptions, 'data' | 'dataset' | 'limit' | 'full' | 'seed'>;

const smokeRows = 2_000;
const smokeQueries = 50;
const truthK = 10;

/** Base and queries, without the truth: what a subject needs. */
export type DatasetVectors = Pick<Dataset, 'name' | 'label' | 'base' | 'queries'>;

export function loadVectors(choice: DatasetChoice): DatasetVectors {
  if (choice.data === undefined) return syntheticVectors(choice);
  return chosenRows(choice, readFolder(choice.data, choice.dataset));
}

/** The queries alone, so that a process that only searches does not hold the base. */
export function loadQueries(choice: DatasetChoice): Vectors {
  if (choice.data === undefined) return syntheticVectors(choice).queries;
  const queries = readVectors(
    join(choice.data, choice.dataset ?? datasetsIn(choice.data)[0], 'query'),
  );
  if (queries === undefined) throw new Error(`no query.* in ${choice.data}`);
  return choice.full ? queries : firstRows(queries, smokeQueries);
}

export function loadDataset(choice: DatasetChoice): Dataset {
  if (choice.data === undefined) {
    const vectors = syntheticVectors(choice);
    const truth = bruteForce('l2', vectors.base, vectors.queries, truthK);
    return { ...vectors, metric: 'l2', truth };
  }
  const whole = readFolder(choice.data, choice.dataset);
  const vectors = chosenRows(choice, whole);
  const folder = join(choice.data, whole.name);
  const stored = readGroundTruth(join(folder, 'groundtruth.gt100'));
  const metric = stored === undefined ? 'l2' : metricOf(whole.base, whole.queries, stored);
  const { base, queries } = vectors;
  const truth =
    (base.rows === whole.base.rows ? stored : readTruthOfFirst(folder, base.rows)) ??
    bruteForce(metric, base, queries, truthK);
  return { ...vectors, metric, truth };
}

function readFolder(data: string, dataset: string | undefined): DatasetVectors {
  const names = datasetsIn(data);
  const name = dataset ?? names[0];
  const base = readVectors(join(data, name ?? '', 'base'));
  const queries = readVectors(join(data, name ?? '', 'query'));
  if (name === undefined || base === undefined || queries === undefined) {
    throw new Error(`no base.* and query.* in ${join(data, name ?? '')}; there are: ${names}`);
  }
  if (base.dimension !== queries.dimension) {
    throw new Error(`base has dimension ${base.dimension}, queries ${queries.dimension}`);
  }
  return { name, label: name, base, queries };
}

function chosenRows(choice: DatasetChoice, whole: DatasetVectors): DatasetVectors {
  const rows = choice.limit ?? (choice.full ? whole.base.rows : smokeRows);
  const queries = choice.full ? whole.queries : firstRows(whole.queries, smokeQueries);
  const { name } = whole;
  const base = firstRows(whole.base, rows);
  const label = base.rows === whole.base.rows ? name : `${name}-${shortCount(base.rows)}`;
  return { name, label, base, queries };
}

/** `100k` for 100,000. */
function shortCount(count: number): string {
  return count % 1000 === 0 ? `${count / 1000}k` : String(count);
}

function readTruthOfFirst(folder: string, rows: number): GroundTruth | undefined {
  if (rows % 1000 !== 0) return undefined;
  return readGroundTruth(join(folder, `groundtruth_first${rows / 1000}k.gt100`));
}

/** Names of the folders under `data` that have a base, in their order. */
export function datasetsIn(data: string): string[] {
  if (!existsSync(data)) throw new Error(`there is no folder ${data}`);
  return readdirSync(data, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && hasVectors(join(data, entry.name, 'base')))
    .map((entry) => entry.name)
    .sort();
}

/**
 * Points around centres, both normally distributed, the centres three times as wide: neighbours are
 * meaningful and no cluster stands alone.
 */
function syntheticVectors({ full, limit, seed }: DatasetChoice): DatasetVectors {
  const dimension = full ? 128 : 32;
  const rows = limit ?? (full ? 50_000 : smokeRows);
  const queryRows = full ? 500 : smokeQueries;
  const random = seededRandom(seed);
  const centres = normalValues(random, 64 * dimension, 1);
  const clustered = (count: number): Vectors => {
    const values = normalValues(random, count * dimension, 0.5);
    for (let row = 0; row < count; row++) {
      const centre = Math.floor(random() * 64) * dimension;
      for (let i = 0; i < dimension; i++) values[row * dimension + i] += centres[centre + i];
    }
    return { rows: count, dimension, values };
  };
  const base = clustered(rows);
  return { name: 'synthetic', label: 'synthetic', base, queries: clustered(queryRows) };
}

/** Box–Muller. */
function normalValues(random: Random, count: number, deviation: number): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    values[i] = deviation * radius * Math.cos(2 * Math.PI * random());
  }
  return values;
}
