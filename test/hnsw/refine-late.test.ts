/** Where reads are slow, a batch of originals may have to wait in the middle, and is begun again: none is left out. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { ParallelReads } from '../../src/hnsw/sources.ts';
import { World } from './world.ts';

const dimension = 8;
const waits = new Error('not at hand');

/** Every batch has to wait once. */
class LateWorld extends World {
  #calls = 0;

  override originals(entries: number, count: number): void {
    if (this.#calls++ % 2 === 0) throw waits;
    super.originals(entries, count);
  }
}

const reads: ParallelReads = {
  isSlow: true,
  together: async (loads, use = () => {}) => {
    for (const load of loads) load();
    for (;;) {
      try {
        return use();
      } catch (error) {
        if (error !== waits) throw error;
      }
    }
  },
};

test('a search whose originals come late finds what one finds that has them at hand', async () => {
  const random = seededRandom(1);
  const vectors = Array.from({ length: 200 }, () =>
    Float32Array.from({ length: dimension }, random),
  );
  const worlds = [new World({ dimension }), new LateWorld({ dimension, reads })];
  const answers = worlds.map(async (world) => {
    for (const vector of vectors) {
      world.add(vector);
      world.commit();
    }
    const found = await world.graph.search(vectors[7], { k: 10, ef: 40 });
    return { nodes: [...found.nodes], distances: [...found.distances] };
  });
  const [atHand, late] = await Promise.all(answers);
  expect(atHand.nodes).toHaveLength(10);
  expect(late).toEqual(atHand);
});
