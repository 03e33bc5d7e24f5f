/**
 * The operations of the kill soak, derived from a seed and their number alone: the process that is killed
 * and the one that judges it know the same history, and only numbers travel between them.
 */
import { type Random, seededRandom } from '../../src/base/random.ts';

export const DIMENSION = 24;
/** Few enough that replacing and deleting are as common as inserting. */
const idCount = 3_000;
const clusterCount = 40;

export type KillOperation =
  | { readonly do: 'upsert'; readonly records: readonly KillRecord[] }
  | { readonly do: 'delete'; readonly ids: readonly (string | number)[] }
  | { readonly do: 'flush' };

export interface KillRecord {
  readonly id: string | number;
  readonly vector: Float32Array;
  readonly metadata: {
    /** The operation that wrote it, so that no two versions of a record are equal. */
    readonly operation: number;
    readonly words: readonly string[];
  };
}

/** Operation `number` of the history of `seed`. */
export function operationOf(seed: number, number: number): KillOperation {
  const random = seededRandom(seed * 1_000_003 + number);
  const kind = random();
  if (kind < 0.03) return { do: 'flush' };
  if (kind < 0.2) return { do: 'delete', ids: distinctIds(random, 1 + Math.floor(random() * 8)) };
  const count = random() < 0.5 ? 1 : 1 + Math.floor(random() * 60);
  const records = distinctIds(random, count).map((id) => recordOf(random, seed, id, number));
  return { do: 'upsert', records };
}

/** Ids of both kinds; an odd one is a string, so that `7` and `"7"` never stand for one another. */
function distinctIds(random: Random, count: number): (string | number)[] {
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(Math.floor(random() * idCount));
  return [...numbers].map((number) => (number % 2 === 0 ? number : `record ${number}`));
}

function recordOf(
  random: Random,
  seed: number,
  id: string | number,
  operation: number,
): KillRecord {
  const centre = seededRandom(seed + Math.floor(random() * clusterCount));
  const vector = Float32Array.from(
    { length: DIMENSION },
    () => 4 * centre() + random() + random() - 1,
  );
  const words = Array.from({ length: Math.floor(random() * 12) }, () => random().toString(36));
  return { id, vector, metadata: { operation, words } };
}

/** What is stored: the newest record of each id. */
export type State = ReadonlyMap<string | number, KillRecord>;

/** Applies `operation` to `state` in place. */
export function applyTo(state: Map<string | number, KillRecord>, operation: KillOperation): void {
  if (operation.do === 'upsert') {
    for (const record of operation.records) state.set(record.id, record);
  } else if (operation.do === 'delete') {
    for (const id of operation.ids) state.delete(id);
  }
}
