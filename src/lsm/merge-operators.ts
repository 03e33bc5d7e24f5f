/** The built-in merge operators: adjacency lists and counters here, pairs in `pair-merge.ts`. */
import { CorruptionError } from '../errors.ts';
import { addCount, COUNT_SIZE } from './counter.ts';
import { applyEdges, IdList } from './id-set.ts';
import {
  listSizeMax,
  loadEdges,
  loadList,
  storeEdges,
  storeList,
  writeListTo,
} from './list-codec.ts';
import type { MergeOperator } from './merge-operator.ts';
import { pairMerge } from './pair-merge.ts';

/**
 * Sets of u32: a value is a list of ids, an operand is edges added and edges removed; the newest word on
 * an edge wins. A combined operand keeps removals, since an older list that it will meet may have them.
 */
export const adjacencyMerge: MergeOperator = {
  name: 'adjacency',

  merge(base, operands) {
    combineOperands(operands);
    applyToBase(base, 0, base?.length ?? 0);
    return storeList(spare);
  },

  combine(operands) {
    combineOperands(operands);
    return storeEdges(added, removed);
  },

  mergeStack(stack) {
    const { bytes, ends, count, base, baseStart, baseEnd } = stack;
    added.count = 0;
    removed.count = 0;
    for (let i = count - 1; i >= 0; i--) {
      combineNewer(bytes, stack.startOf(i), ends[i], i === count - 1);
    }
    applyToBase(stack.hasBase ? base : undefined, baseStart, baseEnd);
    stack.outputLength = writeListTo(stack.reserveOutput(listSizeMax(spare.count)), spare);
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
  if (count.length !== COUNT_SIZE) throw malformed('count', count.length);
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
    combineNewer(operands[i], 0, operands[i].length, i === 0);
  }
}

/** Adds the operand `bytes[start, end)`, newer than those before, to `added` and `removed`. */
function combineNewer(bytes: Uint8Array, start: number, end: number, isFirst: boolean): void {
  if (isFirst) {
    if (!loadEdges(bytes, start, end, added, removed)) throw malformed('list', end - start);
    return;
  }
  if (!loadEdges(bytes, start, end, newerAdded, newerRemoved)) throw malformed('list', end - start);
  applyEdges(added, newerRemoved, newerAdded, spare);
  [added, spare] = [spare, added];
  applyEdges(removed, newerAdded, newerRemoved, spare);
  [removed, spare] = [spare, removed];
}

/** Leaves the list `base[start, end)` with `removed` taken from it and `added` put to it in `spare`. */
function applyToBase(base: Uint8Array | undefined, start: number, end: number): void {
  list.count = 0;
  if (base !== undefined && !loadList(base, start, end, list)) throw malformed('list', end - start);
  applyEdges(list, removed, added, spare);
}

const operators: readonly MergeOperator[] = [adjacencyMerge, counterMerge, pairMerge];

/** The built-in operator of that name, or undefined. */
export function findMergeOperator(name: string): MergeOperator | undefined {
  return operators.find((operator) => operator.name === name);
}

function malformed(kind: string, length: number): CorruptionError {
  const what = `malformed ${kind} of ${length} bytes`;
  return new CorruptionError(what, { file: 'value of an entry', offset: 0 });
}
