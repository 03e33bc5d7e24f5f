/**
 * Searches that are asked for together find what each finds alone, whoever walks, and leave nothing behind: not
 * when workers die, and not when the asker fails. Needs a build (`npm test` makes one).
 */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { Candidates } from '../../src/hnsw/candidates.ts';
import { WalkRunner } from '../../src/hnsw/walk-runner.ts';
import { KernelPool } from '../../src/kernels/worker-pool.ts';
import { clusteredVectors, World } from './world.ts';

const dimension = 24;
const count = 2000;
const vectors = clusteredVectors(count, dimension, { clusters: 20, seed: 1 });
const queries = clusteredVectors(300, dimension, { clusters: 20, seed: 2 });
const asked = queries.map((query, i) => ({ query, k: 1 + (i % 10), ef: 10 + (i % 60), i }));

interface Threads extends AsyncDisposable {
  readonly world: World;
  readonly pool: KernelPool;
  readonly runner: WalkRunner;
}

async function threads(bytesMax: number): Promise<Threads> {
  let pool: KernelPool | undefined;
  let made: WalkRunner | undefined;
  const world = new World({
    dimension,
    runner: (kernels) => {
      pool = new KernelPool(kernels, 2);
      made = new WalkRunner(pool, bytesMax);
      return made;
    },
  });
  if (pool === undefined || made === undefined) throw new Error('a world makes its threads');
  world.addAll(vectors);
  // Until the workers are there.
  await setTimeout(80);
  const workers = pool;
  return {
    world,
    pool,
    runner: made,
    async [Symbol.asyncDispose]() {
      await workers.close();
    },
  };
}

/** Candidates by the place of their search. */
function searchAll({ world }: Threads): Map<number, Candidates> {
  const found = new Map<number, Candidates>();
  let next = 0;
  world.graph.searchTogether<(typeof asked)[number]>({
    next: () => asked[next++],
    found: ({ i }, candidates) => {
      expect(found.has(i)).toBe(false);
      found.set(i, candidates);
    },
  });
  return found;
}

/** Resolves when no walk is under way any more. */
async function settled({ runner }: Threads): Promise<void> {
  for (let turns = 0; runner.admission.count > 0; turns++) {
    if (turns > 1000) throw new Error(`${runner.admission.count} walks have not been closed`);
    await setTimeout(1);
  }
}

test.each([1e9, 0])(
  'all find what they find alone (memory for %d bytes of walks)',
  async (bytes) => {
    await using shared = await threads(bytes);
    const found = searchAll(shared);
    // A worker that gets no processor for a while keeps what it has taken, and the memory of that.
    const least = bytes > 0 ? asked.length - shared.runner.lanesPosted : 1;
    expect(found.size).toBeGreaterThanOrEqual(least);
    if (found.size === asked.length) expect(shared.runner.admission.count).toBe(0);
    await settled(shared);
    for (const { query, k, ef, i } of asked.filter(({ i }) => found.has(i))) {
      const { nodes, distances } = await shared.world.graph.search(query, { k, ef });
      expect(found.get(i)?.nodes).toEqual(nodes);
      expect(found.get(i)?.distances).toEqual(distances);
    }
    // However late the workers are.
    while (bytes > 0 && shared.pool.done === 0) {
      await setTimeout(1);
      searchAll(shared);
      await settled(shared);
    }
  },
);

test('without threads none of them is answered', () => {
  const world = new World({ dimension });
  world.addAll(vectors.slice(0, 50));
  let found = 0;
  world.graph.searchTogether({ next: () => asked[0], found: () => found++ });
  expect(found).toBe(0);
});

test('workers that die keep some from being answered, and no walk from being closed', async () => {
  await using shared = await threads(1e9);
  const { pool } = shared;
  const random = seededRandom(3);
  const { graph } = shared.world;
  const alone = await Promise.all(asked.map(({ query, k, ef }) => graph.search(query, { k, ef })));
  for (let round = 0; round < 15; round++) {
    for (const worker of pool.workers) if (random() < 0.5) void worker.terminate();
    const found = searchAll(shared);
    expect(found.size).toBeGreaterThan(asked.length / 2);
    for (const [i, { nodes }] of found) expect(nodes).toEqual(alone[i].nodes);
    await settled(shared);
    await setTimeout(20 * random());
  }
  expect(pool.replaced).toBeGreaterThan(0);
});

test('an asker who fails ends it, and every walk is closed', async () => {
  await using shared = await threads(1e9);
  for (const failing of ['next', 'found']) {
    let told = 0;
    const tell = (who: string): void => {
      if (who === failing && ++told === 20) throw new Error(who);
    };
    const searches = {
      next: () => {
        tell('next');
        return asked[told % asked.length];
      },
      found: () => tell('found'),
    };
    expect(() => shared.world.graph.searchTogether(searches)).toThrow(failing);
    await settled(shared);
  }
  const least = asked.length - shared.runner.lanesPosted;
  expect(searchAll(shared).size).toBeGreaterThanOrEqual(least);
  await settled(shared);
});
