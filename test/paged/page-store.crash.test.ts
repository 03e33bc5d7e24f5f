/**
 * A short life of two spaces, stopped at each call to the file system, or with each call failing. What
 * was committed is there afterwards, and no unit is lost.
 *
 * The tree and the log of the harness are durable at once: what is tested is the page file alone.
 */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { type FaultKind, FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import {
  Disk,
  Harness,
  type HarnessOptions,
  isSame,
  newFileSystem,
  type Vector,
} from './harness.ts';

const dimension = 768;
const shape: HarnessOptions = { dimension, spaces: 2, memoryBytes: 20 * 65536, bits: true };

/** What was committed, by space. */
type Committed = Map<number, Vector & { isLive: boolean }>[];

/** One commit in both spaces: some vectors, and the oldest living node of each becomes a ghost. */
function commit(harness: Harness, committed: Committed, seed: number): void {
  const random = seededRandom(seed);
  const added: { space: number; vector: Vector }[] = [];
  const ghosts: number[] = [];
  harness.begin();
  try {
    harness.spaces.forEach((paged, space) => {
      for (let i = 0; i < 7; i++) {
        const values = Float32Array.from({ length: dimension }, () => random() - 0.5);
        const record = Math.floor(random() * 2 ** 32);
        const node = paged.place(Uint32Array.from(committed[space].keys()).slice(0, 2));
        paged.put(node, record, values);
        added.push({ space, vector: { node, record, values } });
      }
      const oldest = [...committed[space].values()].find(({ isLive }) => isLive)?.node ?? -1;
      if (oldest >= 0) paged.setGhost(oldest, seed);
      ghosts.push(oldest);
    });
  } catch (error) {
    harness.rollback();
    throw error;
  }
  harness.commit(added);
  for (const { space, vector } of added)
    committed[space].set(vector.node, { ...vector, isLive: true });
  ghosts.forEach((node, space) => {
    const ghost = committed[space].get(node);
    if (ghost !== undefined) committed[space].set(node, { ...ghost, isLive: false });
  });
}

function read(harness: Harness, committed: Committed): void {
  harness.spaces.forEach((paged, space) => {
    for (const { node, record, values, isLive } of committed[space].values()) {
      expect(paged.isLive(node)).toBe(isLive);
      expect(isSame(paged.readVector(node), values)).toBe(true);
      expect(paged.recordOf(node)).toBe(record);
      if (paged.bits?.isReady) paged.loadBits(Math.floor(node / paged.bits.geometry.slotsPerPage));
    }
  });
}

/** Each step may fail alone; `attempt` says what becomes of an error. */
async function live(
  harness: Harness,
  committed: Committed,
  attempt: (step: () => unknown) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await attempt(() => commit(harness, committed, 10 * round + 1));
    await attempt(() => harness.checkpoint(() => commit(harness, committed, 10 * round + 2)));
    harness.evictAll();
    await attempt(() => read(harness, committed));
  }
}

async function verify(harness: Harness, committed: Committed): Promise<void> {
  expect(await harness.problems()).toEqual([]);
  read(harness, committed);
}

async function countCalls(): Promise<number> {
  const fileSystem = new FaultyFileSystem(newFileSystem());
  const committed: Committed = [new Map(), new Map()];
  const harness = new Harness({ ...shape, fileSystem });
  await live(harness, committed, async (step) => {
    await step();
  });
  const { calls } = fileSystem;
  expect(harness.spaces.every(({ hasBits }) => hasBits)).toBe(true);
  await verify(harness, committed);
  return calls;
}

test('a crash at any call loses no committed vector and no unit', async () => {
  const calls = await countCalls();
  expect(calls).toBeGreaterThan(15);
  for (let call = 1; call <= calls; call++) {
    for (const keepUnsynced of [0, 0.5]) {
      const memory = newFileSystem();
      const faulty = new FaultyFileSystem(memory);
      faulty.stopAt(call);
      const disk = new Disk();
      const committed: Committed = [new Map(), new Map()];
      try {
        const harness = new Harness({ ...shape, disk, fileSystem: faulty });
        await live(harness, committed, async (step) => {
          await step();
        });
      } catch (error) {
        if (!isDatabaseError(error) || error.code !== 'IO') throw error;
      }
      const fileSystem = memory.crash(call, keepUnsynced);
      const harness = new Harness({ ...shape, disk, fileSystem });
      await verify(harness, committed);
      // What the crash left can be written on, and read once more.
      commit(harness, committed, 1000);
      await harness.checkpoint();
      harness.evictAll();
      await verify(harness, committed);
    }
  }
});

test.each<FaultKind>(['EIO', 'ENOSPC', 'short', 'sync'])(
  'after a call that fails with %s the work goes on, and nothing is lost',
  async (kind) => {
    const calls = await countCalls();
    for (let call = 1; call <= calls; call++) {
      const memory = newFileSystem();
      const faulty = new FaultyFileSystem(memory);
      faulty.failCall(call, kind);
      const disk = new Disk();
      const committed: Committed = [new Map(), new Map()];
      const harness = new Harness({ ...shape, disk, fileSystem: faulty });
      let errors = 0;
      const attempt = async (step: () => unknown): Promise<void> => {
        try {
          await step();
        } catch (error) {
          if (!isDatabaseError(error) || error.code !== 'IO') throw error;
          errors++;
          await step();
        }
      };
      await live(harness, committed, attempt);
      await attempt(() => harness.checkpoint());
      expect(errors).toBe(faulty.faults);
      await verify(harness, committed);
      expect(harness.store.dirtyBytes).toBe(0);
      // All of it is on the device: what was not synced after the failure would be missing now.
      await verify(new Harness({ ...shape, disk, fileSystem: memory.crash(call, 0) }), committed);
    }
  },
);
