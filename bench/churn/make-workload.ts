/**
 * Workloads made from a data set, seeded:
 *
 *   churn   each epoch inserts 0.9 % of the base and deletes 0.1 % of it, uniform over the living
 *   window  each epoch inserts 2 % and deletes the 2 % that are oldest
 *   half    each epoch inserts 2 % and deletes 2 %, uniform over the living
 *   drain   one epoch deletes 90 %, uniform
 *
 * The base is the first rows, what is inserted follows it.
 */
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Dataset } from '../harness/dataset.ts';
import type { Epoch, Workload } from './workload.ts';

interface Shape {
  /** Of the base, each epoch. */
  readonly inserted: number;
  readonly deleted: number;
  readonly oldestFirst: boolean;
  /** Whatever the caller asks for. */
  readonly epochs?: number;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  churn: { inserted: 0.009, deleted: 0.001, oldestFirst: false },
  window: { inserted: 0.02, deleted: 0.02, oldestFirst: true },
  half: { inserted: 0.02, deleted: 0.02, oldestFirst: false },
  drain: { inserted: 0, deleted: 0.9, oldestFirst: false, epochs: 1 },
};

export const WORKLOADS: readonly string[] = Object.keys(SHAPES);

export interface WorkloadSize {
  readonly epochs: number;
  /** Recall is measured after every so many epochs, and after the last one. */
  readonly interval: number;
  readonly seed: number;
  /** Rows of the base; default: as many as leave enough to insert. */
  readonly baseRows: number | undefined;
}

type Source = Pick<Dataset, 'name' | 'metric' | 'base' | 'queries'>;

/** Throws an `Error` for an unknown name, or when there are too few rows. */
export function makeWorkload(name: string, source: Source, size: WorkloadSize): Workload {
  const shape = SHAPES[name];
  if (shape === undefined) {
    throw new Error(
      `no workload '${name}'; there are ${WORKLOADS.join(', ')}, and runbooks (.yaml)`,
    );
  }
  const { seed } = size;
  const { epochs = size.epochs } = shape;
  const rows = source.base.rows;
  const baseRows = size.baseRows ?? Math.floor(rows / (1 + epochs * shape.inserted));
  const inserted = Math.round(shape.inserted * baseRows);
  const deleted = Math.max(1, Math.round(shape.deleted * baseRows));
  if (baseRows + epochs * inserted > rows) {
    throw new Error(
      `a base of ${baseRows} rows and ${epochs} epochs that insert ${inserted} need more than the ${rows} rows there are`,
    );
  }
  const random = seededRandom(seed);
  const living = Array.from({ length: baseRows }, (_, row) => row);
  const list: Epoch[] = [];
  for (let number = 0; number < epochs; number++) {
    const gone = shape.oldestFirst
      ? Uint32Array.from(living.splice(0, deleted))
      : takeAtRandom(living, deleted, random);
    const rows = Uint32Array.from({ length: inserted }, (_, i) => baseRows + number * inserted + i);
    for (const row of rows) living.push(row);
    const isMeasured = isCheckpoint(number, { epochs, interval: size.interval });
    list.push({ number, ids: rows, rows, deleted: gone, isMeasured });
  }
  const base = Uint32Array.from({ length: baseRows }, (_, row) => row);
  return {
    name,
    dataset: source.name,
    metric: source.metric,
    vectors: source.base,
    queries: source.queries,
    base: { ids: base, rows: base },
    epochs: list,
  };
}

/** Every `interval` epochs from the first on, and the last one. */
export function isCheckpoint(
  epoch: number,
  { interval, epochs }: Pick<WorkloadSize, 'interval' | 'epochs'>,
): boolean {
  return epoch % interval === 0 || epoch === epochs - 1;
}

/** Removes `count` elements, each as likely as any other; the order of the others changes. */
function takeAtRandom(from: number[], count: number, random: Random): Uint32Array {
  const taken = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const at = Math.floor(random() * from.length);
    taken[i] = from[at];
    from[at] = from[from.length - 1];
    from.pop();
  }
  return taken;
}
