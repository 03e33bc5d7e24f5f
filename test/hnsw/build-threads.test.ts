/**
 * A graph that is built by many threads is the one that a single thread builds, byte for byte; also when
 * threads die in the middle of it. Needs a build (`npm test` makes one).
 */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { buildGraph } from '../../src/hnsw/build-graph.ts';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import { createKernels } from '../../src/kernels/kernels.ts';
import { createSpace, type Metric, type SlotKind } from '../../src/kernels/space.ts';
import { KernelPool } from '../../src/kernels/worker-pool.ts';
import { chooseGeometry } from '../../src/paged/geometry.ts';
import { clusteredVectors } from './world.ts';

interface Setup {
  readonly dimension: number;
  readonly metric: Metric;
  readonly slots?: SlotKind;
  readonly threads: number;
  readonly vectors: readonly Float32Array[];
  readonly shardNodesMax?: number;
  readonly signal?: AbortSignal;
  /** Called again and again while the build runs. */
  readonly meddle?: (pool: KernelPool) => Promise<void>;
}

/** Everything that a build gives, as plain values. */
async function build(setup: Setup): Promise<unknown> {
  const { dimension, metric, threads, vectors, shardNodesMax = 1e9, signal, meddle } = setup;
  const kernels = createKernels(32 << 20);
  const { memory } = kernels;
  const allocator = new CellAllocator(memory, memory.heapBase, memory.buffer.byteLength);
  const geometry = chooseGeometry(dimension, setup.slots);
  const space = createSpace(kernels, allocator, {
    ...{ dimension, metric, geometry },
    ...{ capBottom: 32, capUpper: 16 },
  });
  const pool = threads === 0 ? undefined : new KernelPool(kernels, threads);
  // Without it, a short build would be over before they are there.
  if (pool !== undefined) await setTimeout(80);
  let isOver = false;
  const meddling = (async () => {
    while (!isOver && pool !== undefined && meddle !== undefined) await meddle(pool);
  })();
  const before = allocator.stats().runBytes;
  try {
    const graph = await buildGraph(
      { kernels, allocator, space },
      { count: vectors.length, read: (i, target) => target.set(vectors[i]) },
      {
        ...{ m: 16, seed: 7, codeStride: geometry.codeStride, pool, shardNodesMax, signal },
        nodesPerPage: geometry.slotsPerPage,
        newListSpool: spool,
      },
    );
    const { bottom, order, upper, entry } = graph;
    const words = bottom.listStride >>> 2;
    const lists = Array.from({ length: bottom.count }, (_, node) => {
      const list = (bottom.lists >>> 2) + node * words;
      return memory.u32.slice(list, list + 1 + memory.u32[list]);
    });
    graph.release();
    return { order, upper, entry, lists };
  } finally {
    isOver = true;
    await meddling;
    await pool?.close();
    expect(allocator.stats().runBytes).toBe(before);
  }
}

function spool() {
  const words: number[] = [];
  return {
    append: (given: Uint32Array) => {
      for (const word of given) words.push(word);
    },
    readInto: (target: Uint32Array, position: number) => {
      const part = words.slice(position, position + target.length);
      target.set(part);
      return part.length;
    },
    close: () => {},
  };
}

const clusters = { clusters: 20, seed: 3 };

test.each(['l2', 'cosine', 'dot'] as const)(
  'one graph for any number of threads: %s',
  async (metric) => {
    const setup = { dimension: 24, metric, vectors: clusteredVectors(3000, 24, clusters) };
    const alone = await build({ ...setup, threads: 0 });
    const plain = await build({ ...setup, slots: 'vectors', threads: 0 });
    expect(await build({ ...setup, slots: 'vectors', threads: 2 })).toEqual(plain);
    for (const threads of metric === 'l2' ? [1, 3] : [2])
      expect(await build({ ...setup, threads })).toEqual(alone);
  },
);

test('so it is with a graph that is built in shards', async () => {
  const vectors = clusteredVectors(3000, 8, clusters);
  const setup = { dimension: 8, metric: 'l2', vectors, shardNodesMax: 700 } as const;
  const alone = await build({ ...setup, threads: 0 });
  expect(await build({ ...setup, threads: 2 })).toEqual(alone);
});

test('threads that die are replaced, and what they did is done again', async () => {
  const vectors = clusteredVectors(5000, 64, clusters);
  const setup = { dimension: 64, metric: 'l2', vectors } as const;
  const alone = await build({ ...setup, threads: 0 });
  const random = seededRandom(5);
  let killed = 0;
  const meddle = async (pool: KernelPool): Promise<void> => {
    await setTimeout(10 + 40 * random());
    const { workers } = pool;
    if (workers.length === 0) return;
    await workers[Math.floor(random() * workers.length)].terminate();
    killed++;
  };
  expect(await build({ ...setup, threads: 2, meddle })).toEqual(alone);
  expect(killed).toBeGreaterThan(0);
});

test('a build that is aborted leaves nothing behind, and no thread at work', async () => {
  const vectors = clusteredVectors(6000, 32, clusters);
  const signal = AbortSignal.timeout(120);
  const building = build({ dimension: 32, metric: 'l2', threads: 2, vectors, signal });
  await expect(building).rejects.toMatchObject({ code: 'ABORTED' });
});

test('a piece that ends in the moment in which the build begins to wait for it is noticed', async () => {
  const vectors = clusteredVectors(900, 8, clusters);
  const setup = { dimension: 8, metric: 'l2', vectors } as const;
  const still = new Int32Array(new SharedArrayBuffer(4));
  let isSlowed = false;
  const built = await build({
    ...setup,
    threads: 1,
    meddle: async (pool) => {
      if (!isSlowed) {
        isSlowed = true;
        // What is under way ends before the watch looks: it finds it at once.
        const { watch } = KernelPool.prototype;
        pool.watch = () => {
          Atomics.wait(still, 0, 0, 5);
          watch.call(pool);
        };
      }
      await setTimeout(5);
    },
  });
  expect(built).toEqual(await build({ ...setup, threads: 0 }));
});
