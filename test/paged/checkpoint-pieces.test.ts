/**
 * A checkpoint works in pieces, to the last of them: what changes, is read or goes out of memory between two pieces
 * is right, and each turn of the event loop takes one piece.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pace } from '../../src/base/pace.ts';
import { Disk, Harness, isSame, newFileSystem, type Vector } from './harness.ts';

const dimension = 64;
const none = new Uint32Array(0);

/** Every piece is a slice. */
class Restless extends Pace {
  override get sliceMs(): number {
    return 0;
  }
}

function valuesOf(seed: number): Float32Array {
  return Float32Array.from({ length: dimension }, (_, i) => Math.sin(seed * 31 + i));
}

/** Puts some vectors at the end, in a plan that is left open. */
function put(harness: Harness, count: number, seed: number): Vector[] {
  harness.begin();
  return Array.from({ length: count }, (_, i) => {
    const record = seed + i;
    const node = harness.spaces[0].place(none, 'append');
    const values = valuesOf(record);
    harness.spaces[0].put(node, record, values);
    return { node, record, values };
  });
}

function commit(harness: Harness, vectors: readonly Vector[]): void {
  harness.commit(vectors.map((vector) => ({ space: 0, vector })));
}

function expectAll(harness: Harness, vectors: readonly Vector[]): void {
  for (const { node, record, values } of vectors) {
    expect(isSame(harness.spaces[0].readVector(node), values)).toBe(true);
    expect(harness.spaces[0].recordOf(node)).toBe(record);
  }
}

type Meanwhile = 'commit' | 'roll back' | 'commit late' | 'evict' | 'read';
const meanwhile = fc.constantFrom<Meanwhile>('commit', 'roll back', 'commit late', 'evict', 'read');

test('between two pieces of a checkpoint everything goes on as ever', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(meanwhile, { minLength: 1, maxLength: 80 }), async (during) => {
      const disk = new Disk();
      const fileSystem = newFileSystem();
      const harness = new Harness({ disk, fileSystem, dimension, pace: new Restless() });
      const committed = put(harness, 200, 0);
      commit(harness, committed);
      await harness.checkpoint();
      const more = put(harness, 90, 1000);
      commit(harness, more);
      committed.push(...more);
      // On a page that the checkpoint writes, and with a plan that is open over pieces.
      let open: Vector[] | undefined;
      let isDone = false;
      let turns = 0;
      const next = (): void => {
        if (isDone) return;
        const what = during[turns++ % during.length];
        if (open !== undefined) {
          commit(harness, open);
          committed.push(...open);
          open = undefined;
        } else if (what === 'evict') harness.evictAll();
        else if (what === 'read') expectAll(harness, committed);
        else {
          const planned = put(harness, 1 + (turns % 3), 5000 + 10 * turns);
          if (what === 'roll back') harness.rollback();
          else if (what === 'commit late') open = planned;
          else {
            commit(harness, planned);
            committed.push(...planned);
          }
        }
        setImmediate(next);
      };
      setImmediate(next);
      await harness.checkpoint();
      isDone = true;
      if (open !== undefined) harness.rollback();
      harness.evictAll();
      expectAll(harness, committed);
      await harness.checkpoint();
      expect(harness.store.dirtyBytes).toBe(0);
      expect(await harness.problems()).toEqual([]);
      expectAll(new Harness({ disk, fileSystem, dimension }), committed);
    }),
    { numRuns: 30 },
  );
});

test('each piece of the entries, and of what is let go, has a turn of its own', async () => {
  const harness = new Harness({ dimension, pace: new Restless() });
  commit(harness, put(harness, 300, 0));
  const { pages } = harness.spaces[0].counters;
  expect(pages).toBeGreaterThan(4);
  harness.store.freeze(1);
  const turnsOf = async (work: () => Promise<unknown>): Promise<number> => {
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await work();
    isDone = true;
    return turns;
  };
  // Codes, originals and entries of each page.
  expect(await turnsOf(() => harness.store.write(1))).toBeGreaterThanOrEqual(3 * pages);
  expect(await turnsOf(() => harness.store.installed(1))).toBeGreaterThanOrEqual(pages);
  expect(harness.store.dirtyBytes).toBe(0);
});
