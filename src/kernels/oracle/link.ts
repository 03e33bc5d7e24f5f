/** The back edge to a new node in plain TypeScript: what becomes of a full list. */
import { type Comparison, type PruneCandidate, prune } from './prune.ts';

export interface FullList {
  readonly metric: number;
  readonly between: Comparison;
  readonly cap: number;
  /** The ids of the list and the new node's, nearest to the list's node first. */
  readonly candidates: readonly PruneCandidate[];
  readonly newNode: number;
  /** The ids that the list of a candidate names. */
  readonly listOf: (node: number) => readonly number[];
  readonly isGhost: (node: number) => boolean;
}

export interface Rewritten {
  readonly list: readonly number[];
  /** Dropped nodes without a detour for which there was no room. */
  readonly homeless: readonly number[];
}

/** Undefined: the list would not have the new node and stays as it is. */
export function rewriteFull(full: FullList): Rewritten | undefined {
  const { cap, candidates, newNode } = full;
  const { chosen } = prune(full, candidates, cap, 1);
  const isNew = ({ node }: PruneCandidate): boolean => node === newNode;
  const others = candidates.filter((candidate) => !chosen.includes(candidate));
  const least = Math.floor((7 * cap) / 8);
  const kept = [...chosen];
  if (chosen.length < least) kept.push(...others.filter(isNew));
  if (!kept.some(isNew)) return undefined;
  const old = others.filter((candidate) => !isNew(candidate));
  const isLost = (target: PruneCandidate): boolean =>
    !kept.some((over) => isDetour(full, over, target));
  const lost = old.filter(isLost).sort((a, b) => a.node - b.node);
  const list = [...kept, ...lost].slice(0, cap);
  const filled = old.filter((target) => !isLost(target));
  list.push(...filled.slice(0, Math.max(0, least - list.length)));
  const homeless = lost.slice(cap - kept.length);
  return { list: list.map(({ node }) => node), homeless: homeless.map(({ node }) => node) };
}

function isDetour(full: FullList, over: PruneCandidate, target: PruneCandidate): boolean {
  if (full.isGhost(over.node) || !full.listOf(over.node).includes(target.node)) return false;
  return full.between.distance(over.node, target.node) <= target.distance;
}
