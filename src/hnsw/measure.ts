/** Distances of given nodes, without a walk. */
import { METRIC_L2 } from '../kernels/layout.ts';
import { takeRoots } from './candidates.ts';
import { Slices } from './slices.ts';
import type { VectorSource } from './sources.ts';
import { type WalkContext, WalkDriver } from './walk-driver.ts';

export interface MeasureOptions {
  readonly sliceMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Nodes between two looks at the clock; where reads are slow, they are read together. */
const AT_ONCE = 64;

/** Nodes, and room for the distance of each. */
export interface Measured {
  readonly nodes: Uint32Array;
  readonly distances: Float32Array;
  readonly count: number;
}

/** Exact distances of `nodes`, ghosts included, in their order. A read a node at most. */
export async function measureNodes(
  context: WalkContext,
  query: Float32Array,
  nodes: Uint32Array,
  { sliceMs, signal }: MeasureOptions,
): Promise<Float32Array> {
  const { kernels, space, vectors, reads } = context;
  const { metricCode, dimension } = space;
  const distances = new Float32Array(nodes.length);
  const slices = new Slices(sliceMs, signal);
  const walk = new WalkDriver(context, 1);
  try {
    walk.setQuery(query);
    for (let first = 0; first < nodes.length; first += AT_ONCE) {
      const end = Math.min(nodes.length, first + AT_ONCE);
      const measure = (): void => {
        const { distanceExact } = kernels.exports;
        for (let i = first; i < end; i++) {
          const original = vectors.original(nodes[i]);
          distances[i] = distanceExact(metricCode, walk.queryAddress, original, dimension);
        }
      };
      if (reads?.isSlow)
        await reads.together(loadsOf(vectors, nodes.subarray(first, end)), measure);
      else measure();
      if (slices.isOver) await slices.pause();
    }
  } finally {
    walk.close();
  }
  if (metricCode === METRIC_L2) takeRoots(distances);
  return distances;
}

function loadsOf(vectors: VectorSource, nodes: Uint32Array): (() => void)[] {
  return Array.from(nodes, (node) => () => {
    vectors.original(node);
  });
}

/**
 * As `measureNodes`, of the first `count` nodes into `distances`, in this turn of the event loop. False when it takes
 * longer than a slice.
 */
export function measureNow(
  context: WalkContext,
  query: Float32Array,
  { nodes, distances, count }: Measured,
  sliceMs: number,
): boolean {
  const { kernels, space, vectors } = context;
  const { metricCode, dimension } = space;
  const { distanceExact } = kernels.exports;
  const slices = new Slices(sliceMs, undefined);
  const walk = new WalkDriver(context, 1);
  try {
    walk.setQuery(query);
    const { queryAddress } = walk;
    for (let i = 0; i < count; i++) {
      const original = vectors.original(nodes[i]);
      distances[i] = distanceExact(metricCode, queryAddress, original, dimension);
      if (i % AT_ONCE === AT_ONCE - 1 && slices.isOver) return false;
    }
  } finally {
    walk.close();
  }
  if (metricCode === METRIC_L2) takeRoots(distances.subarray(0, count));
  return true;
}
