/** Distances of given nodes, without a walk. */
import { METRIC_L2 } from '../kernels/layout.ts';
import { takeRoots } from './candidates.ts';
import { Slices } from './slices.ts';
import { type WalkContext, WalkDriver } from './walk-driver.ts';

export interface MeasureOptions {
  readonly sliceMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Exact distances of `nodes`, ghosts included, in their order. A read a node at most. */
export async function measureNodes(
  context: WalkContext,
  query: Float32Array,
  nodes: Uint32Array,
  { sliceMs, signal }: MeasureOptions,
): Promise<Float32Array> {
  const { kernels, space, vectors } = context;
  const { metricCode, dimension } = space;
  const distances = new Float32Array(nodes.length);
  const slices = new Slices(sliceMs, signal);
  const walk = new WalkDriver(context, 1);
  try {
    walk.setQuery(query);
    for (let i = 0; i < nodes.length; i++) {
      const original = vectors.original(nodes[i]);
      const { distanceExact } = kernels.exports;
      distances[i] = distanceExact(metricCode, walk.queryAddress, original, dimension);
      if ((i & 63) === 63 && slices.isOver) await slices.pause();
    }
  } finally {
    walk.close();
  }
  if (metricCode === METRIC_L2) takeRoots(distances);
  return distances;
}
