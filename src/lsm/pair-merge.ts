/**
 * The merge operator `pairs`: a value is a set of pairs, an operand is pairs added and removed; the newest
 * word on a pair wins (`pair-set.ts`). Keys of an index gather an operand from each commit that touches them,
 * so many operands are folded two by two: O(n log n), not one by one onto a growing set.
 */
import { CorruptionError } from '../errors.ts';
import type { MergeOperator } from './merge-operator.ts';
import {
  applyPairs,
  encodePairOperand,
  encodePairs,
  NO_PAIRS,
  type PairOperand,
  readPairOperand,
  readPairs,
} from './pair-set.ts';

export const pairMerge: MergeOperator = {
  name: 'pairs',

  merge(base, operands) {
    const set = base === undefined ? NO_PAIRS : readPairs(base);
    if (set === undefined) throw malformed(base?.length ?? 0);
    if (operands.length === 0) return encodePairs(set);
    const { added, removed } = combineAll(operands);
    return encodePairs(applyPairs(set, removed, added));
  },

  combine(operands) {
    return encodePairOperand(combineAll(operands));
  },
};

function combineAll(operands: readonly Uint8Array[]): PairOperand {
  let level = operands.map((bytes) => {
    const operand = readPairOperand(bytes);
    if (operand === undefined) throw malformed(bytes.length);
    return operand;
  });
  while (level.length > 1) {
    const next: PairOperand[] = [];
    for (let i = 0; i < level.length; i += 2) {
      next.push(i + 1 < level.length ? combineTwo(level[i], level[i + 1]) : level[i]);
    }
    level = next;
  }
  return level[0];
}

function combineTwo(older: PairOperand, newer: PairOperand): PairOperand {
  return {
    added: applyPairs(older.added, newer.removed, newer.added),
    removed: applyPairs(older.removed, newer.added, newer.removed),
  };
}

function malformed(length: number): CorruptionError {
  const what = `malformed set of pairs of ${length} bytes`;
  return new CorruptionError(what, { file: 'value of an entry', offset: 0 });
}
