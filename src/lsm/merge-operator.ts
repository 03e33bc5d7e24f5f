/**
 * Merge operators give MERGE entries their meaning. They are pure, associative, named and built in: they
 * run on every read and in every compaction, and a table records the name of the one it was written with.
 *
 * Associative means: combining neighbouring operands first, in any grouping, changes no result.
 */
import { CorruptionError } from '../errors.ts';
import { difference, union } from './id-set.ts';
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
