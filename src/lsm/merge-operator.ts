/**
 * Merge operators give MERGE entries their meaning. They are pure, associative, named and built in: they
 * run on every read and in every compaction, and a table records the name of the one it was written with.
 *
 * Associative means: combining neighbouring operands first, in any grouping, changes no result.
 */
import { CorruptionError } from '../errors.ts';
import { encodeEdges, encodeList, readEdges, readList } from './list-codec.ts';

export interface MergeOperator {
  readonly name: string;

  /** The full value: `operands`, oldest first, applied to `base` (undefined: the key does not exist). */
  merge(base: Uint8Array | undefined, operands: readonly Uint8Array[]): Uint8Array;

  /** One operand with the effect of all of `operands`, oldest first. There is at least one. */
  combine(operands: readonly Uint8Array[]): Uint8Array;
}

/**
 * Sets of u32: a value is a list of ids, an operand is edges added and edges removed; the newest word on
 * an edge wins. A combined operand keeps removals, since an older list that it will meet may have them.
 */
export const adjacencyMerge: MergeOperator = {
  name: 'adjacency',

  merge(base, operands) {
    let ids = base === undefined ? new Uint32Array(0) : mustRead(readList(base), base);
    for (const operand of operands) {
      const { added, removed } = mustRead(readEdges(operand), operand);
      ids = union(difference(ids, removed), added);
    }
    return encodeList(ids);
  },

  combine(operands) {
    let added: Uint32Array = new Uint32Array(0);
    let removed: Uint32Array = new Uint32Array(0);
    for (const operand of operands) {
      const newer = mustRead(readEdges(operand), operand);
      added = union(difference(added, newer.removed), newer.added);
      removed = union(difference(removed, newer.added), newer.removed);
    }
    return encodeEdges(added, removed);
  },
};

const operators: readonly MergeOperator[] = [adjacencyMerge];

/** The built-in operator of that name, or undefined. */
export function findMergeOperator(name: string): MergeOperator | undefined {
  return operators.find((operator) => operator.name === name);
}

function mustRead<T>(decoded: T | undefined, bytes: Uint8Array): T {
  if (decoded === undefined) {
    throw new CorruptionError(`malformed list of ${bytes.length} bytes`, {
      file: 'value of an entry',
      offset: 0,
    });
  }
  return decoded;
}

/** Ids in either of two strictly ascending lists. */
function union(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const all = new Uint32Array(a.length + b.length);
  let count = 0;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const takeA = j === b.length || (i < a.length && a[i] <= b[j]);
    const id = takeA ? a[i] : b[j];
    if (i < a.length && a[i] === id) i++;
    if (j < b.length && b[j] === id) j++;
    all[count++] = id;
  }
  return all.subarray(0, count);
}

/** Ids of `a` that are not in `b`, both strictly ascending. */
function difference(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length === 0 || b.length === 0) return a;
  const kept = new Uint32Array(a.length);
  let count = 0;
  let j = 0;
  for (let i = 0; i < a.length; i++) {
    const id = a[i];
    while (j < b.length && b[j] < id) j++;
    if (j === b.length || b[j] !== id) kept[count++] = id;
  }
  return kept.subarray(0, count);
}
