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
