/**
 * A whole graph from all vectors at once: an order of nearness, in which nodes get their numbers, then the
 * layers from the top down, each with lists of its own (`build-layer.ts`) and every node reachable
 * (`build-repair.ts`). Codes and lists stay in the module's memory until the result is released. What does
 * not fit there is built in shards (`build-sharded.ts`).
 *
 * Work is done in slices of the event loop's time. The same vectors, options and seed give the same graph.
 */
import { assert } from '../base/assert.ts';
import { seededRandom } from '../base/random.ts';
import { FRAME_SIZE } from '../kernels/layout.ts';
import { slotStride } from '../kernels/space.ts';
import type { KernelPool } from '../kernels/worker-pool.ts';
import { type ArrayBudget, BuildArea, type BuildVectors, listBytes } from './build-area.ts';
import { crewBytes } from './build-crew.ts';
import { type BuildMemory, leafSize, type RowShape } from './build-job.ts';
import { buildLayer } from './build-layer.ts';
import type { ListSpool } from './build-merge.ts';
import { cutIntoPages, numbersTo } from './build-order.ts';
import { REPAIR_BYTES, repairLayer } from './build-repair.ts';
import { buildSharded } from './build-sharded.ts';
import { buildUpperLayers } from './build-upper.ts';
import type { BuildListener, BuiltGraph, GraphBuild } from './built-graph.ts';
import { Slices } from './slices.ts';

const LEAF_MAX = 400;
/** Rounds: the least, which is enough for so many vectors, and the most; two more with each doubling between. */
const ROUNDS_LEAST = 12;
const ROUNDS_MOST = 16;
const VECTORS_OF_LEAST = 25_000;
/**
 * The rule goes without slack until lists are filled up at the very end (`build-join.ts`): edges that lead apart first,
 * and as few of the others as narrow beams need, so that a walk measures less.
 */
const ALPHA = 1.1;

export interface BuildGraphOptions {
  readonly m: number;
  readonly seed: number;
  /** Bytes of a slot with a code. */
  readonly codeStride: number;
  /** Nodes that lie on one page: neighbourhoods of that size get consecutive numbers. */
  readonly nodesPerPage: number;
  /** Vectors that are built in one piece at the most; `buildLimits` knows what memory allows. */
  readonly shardNodesMax: number;
  /** Where the lists of shards wait; called at most once, when there are more vectors than that. */
  readonly newListSpool: () => ListSpool;
  /** Told of arrays of a size that grows with the vectors. Default: nobody. */
  readonly arrays?: ArrayBudget | undefined;
  /** Workers that take part. Default: none. */
  readonly pool?: KernelPool | undefined;
  /** Members of a leaf at the most, rounds, and slack. Default: 400; 12 to 16 by the number of vectors; 1.1. */
  readonly leafMax?: number | undefined;
  readonly rounds?: number | undefined;
  readonly alpha?: number | undefined;
  readonly sliceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: BuildListener | undefined;
}

/** What the memory of a build depends on. */
interface BuildSize extends RowShape {
  readonly m: number;
}

/** What so many bytes of the module's memory are enough for. */
export interface BuildLimits {
  /** Vectors in one piece, and in shards. */
  readonly whole: number;
  readonly sharded: number;
  /** Workers; memory for them is set aside in any case, so that the graph does not depend on their number. */
  readonly threads: number;
}

export function buildLimits({ m, ...shape }: BuildSize, bytes: number): BuildLimits {
  const codeStride = slotStride(shape.dimension, shape.slots);
  const list = listBytes(2 * m) + REPAIR_BYTES;
  const leaf = { leafMax: leafSize(shape, LEAF_MAX) };
  const scratchOf = (count: number): number => crewBytes(shape, 2 * m, leaf, count);
  let threads = THREADS_MOST;
  while (threads > 0 && scratchOf(threads) > bytes * THREADS_SHARE) threads--;
  // Every run is rounded up to whole frames.
  const beside = (scratch: number): number => Math.max(0, bytes - scratch - 12 * FRAME_SIZE);
  const rest = beside(scratchOf(threads));
  const whole = Math.floor(rest / (codeStride + list));
  // Of m nodes one has a list in layer 1, give or take.
  const upper = ((codeStride + listBytes(m) + REPAIR_BYTES) / m) * 1.1;
  // Lists of all are held when no leaf is built any more.
  const sharded = Math.floor(Math.min(beside(scratchOf(0)) / list, rest / upper));
  return { whole, sharded: whole < SHARD_LEAST ? whole : sharded, threads };
}

/** Workers at the most, and the share of memory that their scratch may take. */
const THREADS_MOST = 8;
const THREADS_SHARE = 1 / 8;

/** Shards of fewer vectors are not worth the name. */
const SHARD_LEAST = 256;

/** `vectors` is not empty. ABORTED by the signal; RESOURCE_EXHAUSTED when memory is too small. */
export async function buildGraph(
  memory: BuildMemory,
  vectors: BuildVectors,
  options: BuildGraphOptions,
): Promise<BuiltGraph> {
  assert(vectors.count > 0, 'a graph has nodes');
  const { leafMax = LEAF_MAX, sliceMs = 5, signal } = options;
  const { rounds = roundsFor(vectors.count), alpha = ALPHA } = options;
  const slices = new Slices(sliceMs, signal);
  const { codeStride, arrays, pool } = options;
  const area = new BuildArea({ memory, vectors, codeStride, slices, arrays, pool });
  const build: GraphBuild = {
    ...options,
    leaf: { leafMax: leafSize(memory.space, leafMax), rounds, alpha },
    random: seededRandom(options.seed),
    onProgress: options.onProgress ?? (() => {}),
  };
  try {
    const isWhole = vectors.count <= options.shardNodesMax;
    return await (isWhole ? buildWhole(area, build) : buildSharded(area, build));
  } catch (error) {
    area.release();
    throw error;
  }
}

function roundsFor(count: number): number {
  const more = 2 * Math.ceil(Math.log2(Math.max(1, count / VECTORS_OF_LEAST)));
  return Math.min(ROUNDS_LEAST + more, ROUNDS_MOST);
}

async function buildWhole(area: BuildArea, build: GraphBuild): Promise<BuiltGraph> {
  const { count } = area.vectors;
  const { leaf, m, onProgress, random } = build;
  const { codeStride } = area;
  const codes = area.take(count * codeStride);
  area.count(4 * count);
  const order = await numbersTo(area, count);
  const encoded = (done: number): void => onProgress('order', done, 2 * count);
  encoded(0);
  await area.encode(order, codes, encoded);
  await cutIntoPages(area, codes, order, build);
  const { upper, entry } = await buildUpperLayers(area, order, {
    m,
    leaf,
    random,
    onProgress: (done, total) => onProgress('layers', done, total),
  });
  const bottom = await area.nodes(codes, count, 2 * m);
  await area.encode(order, codes, (done) => encoded(count + done));
  await buildLayer(area, bottom, {
    options: leaf,
    random,
    onProgress: (done) => onProgress('graph', done, count * leaf.rounds),
  });
  onProgress('repair', 0, count);
  // From the entry alone: what walks on the layers above could reach besides does not count.
  await repairLayer(area, bottom, [entry.node]);
  onProgress('repair', count, count);
  const { u8 } = area.memory.kernels.memory;
  const slots = (first: number, end: number): Uint8Array =>
    u8.subarray(codes + first * codeStride, codes + end * codeStride);
  return { order, bottom, upper, entry, slots, release: () => area.release() };
}
