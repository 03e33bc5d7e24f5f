/** The diversity rule in plain TypeScript. */
import { METRIC_DOT, METRIC_L2 } from '../layout.ts';
import { codeDistance, type Sq8Code } from './sq8.ts';

export interface PruneCandidate {
  readonly node: number;
  readonly distance: number;
}

/** How nodes are compared with each other. */
export interface Comparison {
  readonly distance: (left: number, right: number) => number;
  readonly isSame: (left: number, right: number) => boolean;
}

export function byCodes(metric: number, codes: readonly Sq8Code[]): Comparison {
  return {
    distance: (left, right) => codeDistance(metric, codes[left], codes[right]),
    isSame: (left, right) => isSame(codes[left], codes[right]),
  };
}

export interface Pruned {
  readonly chosen: readonly PruneCandidate[];
  /** Dropped by the rule before the limit was reached. */
  readonly dropped: readonly PruneCandidate[];
}

/** `candidates` are sorted, nearest first; `before` were chosen already. */
export function prune(
  { metric, between }: { readonly metric: number; readonly between: Comparison },
  candidates: readonly PruneCandidate[],
  limit: number,
  alpha: number,
  before: readonly PruneCandidate[] = [],
): Pruned {
  const slack = Math.fround(alpha);
  const factor =
    metric === METRIC_L2 ? Math.fround(slack * slack) : metric === METRIC_DOT ? 1 : slack;
  const chosen = [...before];
  const dropped: PruneCandidate[] = [];
  for (const candidate of candidates) {
    if (chosen.length === limit) break;
    const isCrowded = chosen.some((other) => {
      const apart = between.distance(candidate.node, other.node);
      return (
        Math.fround(factor * apart) < candidate.distance ||
        between.isSame(candidate.node, other.node)
      );
    });
    (isCrowded ? dropped : chosen).push(candidate);
  }
  return { chosen, dropped };
}

function isSame(left: Sq8Code, right: Sq8Code): boolean {
  return (
    left.scale === right.scale &&
    left.mean === right.mean &&
    left.code.every((step, i) => step === right.code[i])
  );
}
