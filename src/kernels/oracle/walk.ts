/**
 * The walk in plain TypeScript, after Malkov and Yashunin, algorithms 2 and 5: sorted arrays for heaps, a
 * Set for what was seen, everything in memory.
 */

/** Ordered by distance, then by node. */
export interface Neighbour {
  readonly distance: number;
  readonly node: number;
}

export interface WalkedGraph {
  neighbours(layer: number, node: number): Iterable<number>;
  distance(node: number): number;
  /** Living, and let through by the filter: may become a result. */
  isEligible(node: number): boolean;
}

export interface WalkCounts {
  hops: number;
  distances: number;
}

/** What a beam search may do besides. */
export interface BeamOptions {
  /** Nodes that are not eligible are walked through instead of being measured (WALK_EXPAND). */
  readonly expand?: boolean;
  /** Ends at a candidate (1 + gamma) times as far as the k-th result; distances are squares (WALK_STOP_K). */
  readonly stop?: { readonly k: number; readonly gamma: number } | undefined;
  /** So many of the nearest that were measured are returned behind the `ef` results (WALK_SPARE). */
  readonly spare?: number;
}

/** Orders by distance, anything that is not a number last, then by node. */
export function compareNeighbours(left: Neighbour, right: Neighbour): number {
  return rank(left.distance) - rank(right.distance) || byValue(left, right);
}

function byValue(left: Neighbour, right: Neighbour): number {
  if (left.distance < right.distance) return -1;
  if (left.distance > right.distance) return 1;
  return left.node - right.node;
}

function rank(distance: number): number {
  return Number.isNaN(distance) ? 1 : 0;
}

/** From `entry` on layer `fromLayer` greedily down to the nearest node of layer `targetLayer` + 1. */
export function descend(
  graph: WalkedGraph,
  entry: number,
  layers: { readonly from: number; readonly target: number },
  counts: WalkCounts,
): number {
  let nearest = measure(graph, entry, counts);
  const seen = new Set([entry]);
  for (let layer = layers.from; layer > layers.target; layer--) {
    for (let expanded = -1; expanded !== nearest.node; ) {
      expanded = nearest.node;
      counts.hops++;
      for (const node of graph.neighbours(layer, expanded)) {
        if (seen.has(node)) continue;
        seen.add(node);
        const neighbour = measure(graph, node, counts);
        if (compareNeighbours(neighbour, nearest) < 0) nearest = neighbour;
      }
    }
  }
  return nearest.node;
}

/** The beam of `ef` on one layer. Returns the eligible nodes found, nearest first. */
export function beamSearch(
  graph: WalkedGraph,
  entries: readonly number[],
  { layer, ef, ...options }: BeamOptions & { readonly layer: number; readonly ef: number },
  counts: WalkCounts,
): Neighbour[] {
  const seen = new Set<number>();
  const results: Neighbour[] = [];
  const { spare = 0 } = options;
  const candidates: Neighbour[] = [];
  const offer = (node: number): void => {
    seen.add(node);
    const neighbour = measure(graph, node, counts);
    candidates.push(neighbour);
    if (!graph.isEligible(node)) return;
    results.push(neighbour);
    results.sort(compareNeighbours);
    if (results.length > ef + spare) results.pop();
  };
  const unseen = (node: number): number[] => {
    counts.hops++;
    return [...graph.neighbours(layer, node)].filter((id) => !seen.has(id));
  };
  const expandThrough = (node: number): void => {
    const near = unseen(node);
    for (const id of near) seen.add(id);
    const through = near.filter((id) => !graph.isEligible(id));
    const behind = new Set(through.flatMap(unseen));
    const measured = [...near, ...behind].filter((id) => graph.isEligible(id));
    const isLost = measured.length === 0 && results.length < ef;
    for (const id of isLost ? through : measured) offer(id);
  };
  for (const entry of new Set(entries)) offer(entry);
  for (;;) {
    candidates.sort(compareNeighbours);
    const nearest = candidates.shift();
    if (nearest === undefined) return results;
    if (results.length >= ef && compareNeighbours(nearest, results[ef - 1]) > 0) return results;
    if (options.stop !== undefined && isFar(nearest, results, options.stop)) return results;
    if (options.expand === true) expandThrough(nearest.node);
    else for (const id of unseen(nearest.node)) offer(id);
  }
}

function isFar(
  { distance }: Neighbour,
  results: readonly Neighbour[],
  { k, gamma }: { readonly k: number; readonly gamma: number },
): boolean {
  return results.length >= k && distance > (1 + gamma) * (1 + gamma) * results[k - 1].distance;
}

function measure(graph: WalkedGraph, node: number, counts: WalkCounts): Neighbour {
  counts.distances++;
  return { distance: graph.distance(node), node };
}
