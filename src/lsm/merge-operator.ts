/**
 * Merge operators give MERGE entries their meaning. They are pure, associative, named and built in: they
 * run on every read and in every compaction, and a table records the name of the one it was written with.
 *
 * Associative means: combining neighbouring operands first, in any grouping, changes no result.
 */
import { CorruptionError } from '../errors.ts';
import { addCount, COUNT_SIZE } from './counter.ts';
import { applyEdges, IdList } from './id-set.ts';
import { loadEdges, loadList, storeEdges, storeList } from './list-codec.ts';

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
    combineOperands(operands);
    list.count = 0;
    if (base !== undefined && !loadList(base, list)) throw malformed('list', base);
    applyEdges(list, removed, added, spare);
    return storeList(spare);
  },

  combine(operands) {
    combineOperands(operands);
    return storeEdges(added, removed);
  },
};

/**
 * Integers that are added up: a value is a sum, an operand what is added to it; a key that does not exist
 * counts from 0. Not idempotent: an operand counts exactly once.
 */
export const counterMerge: MergeOperator = {
  name: 'counter',

  merge(base, operands) {
    const sum = new Uint8Array(COUNT_SIZE);
    if (base !== undefined) addChecked(sum, base);
    for (const operand of operands) addChecked(sum, operand);
    return sum;
  },

  combine(operands) {
    return counterMerge.merge(undefined, operands);
  },
};

function addChecked(sum: Uint8Array, count: Uint8Array): void {
  if (count.length !== COUNT_SIZE) throw malformed('count', count);
  addCount(sum, count);
}

// Merges run one at a time and to their end, so they share their working memory.
let added: IdList = new IdList();
let removed: IdList = new IdList();
let spare: IdList = new IdList();
const list: IdList = new IdList();
const newerAdded: IdList = new IdList();
const newerRemoved: IdList = new IdList();

/** Leaves the effect of `operands`, oldest first, in `added` and `removed`. */
function combineOperands(operands: readonly Uint8Array[]): void {
  added.count = 0;
  removed.count = 0;
  for (let i = 0; i < operands.length; i++) {
    const operand = operands[i];
    if (i === 0) {
      if (!loadEdges(operand, added, removed)) throw malformed('list', operand);
      continue;
    }
    if (!loadEdges(operand, newerAdded, newerRemoved)) throw malformed('list', operand);
    applyEdges(added, newerRemoved, newerAdded, spare);
    [added, spare] = [spare, added];
    applyEdges(removed, newerAdded, newerRemoved, spare);
    [removed, spare] = [spare, removed];
  }
}

const operators: readonly MergeOperator[] = [adjacencyMerge, counterMerge];

/** The built-in operator of that name, or undefined. */
export function findMergeOperator(name: string): MergeOperator | undefined {
  return operators.find((operator) => operator.name === name);
}

function malformed(kind: string, bytes: Uint8Array): CorruptionError {
  const what = `malformed ${kind} of ${bytes.length} bytes`;
  return new CorruptionError(what, { file: 'value of an entry', offset: 0 });
}
