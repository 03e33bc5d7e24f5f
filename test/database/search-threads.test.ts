/**
 * Searches beside writes, on the main thread alone and on workers that die at random: each answer is that of
 * one commit between its beginning and its end. Beams are so wide that they miss nothing, so that answers can
 * be compared with those of a plain model. Needs a build (`npm test` makes one).
 */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import type { Session } from '../../src/database/session.ts';
import type { Collection } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors } from './fixtures.ts';

/** Few slots a page, so that few vectors are many pages. */
const dimension = 100;
const idCount = 400;
const k = 12;
/** More searches are asked for in one call. */
const FEW = 3;

type State = ReadonlyMap<number, Float32Array>;

/** What the collection holds after each commit, and how far the writer is. */
class History {
  readonly states: State[] = [new Map()];
  /** Commits that have been asked for, and that have ended. */
  begun = 0;
  ended = 0;

  async commit(change: (next: Map<number, Float32Array>) => void, write: () => Promise<unknown>) {
    const next = new Map(this.states[this.begun]);
    change(next);
    this.states.push(next);
    this.begun++;
    await write();
    this.ended++;
  }
}

/** Squared, of the k nearest. */
function nearestOf(state: State, query: Float32Array): number[] {
  const distances = [...state.values()].map((vector) => {
    let sum = 0;
    for (let i = 0; i < dimension; i++) sum += (vector[i] - query[i]) ** 2;
    return sum;
  });
  return distances.sort((a, b) => a - b).slice(0, k);
}

async function searchOnce(things: Collection, history: History, queries: Float32Array[]) {
  const first = history.ended;
  const searches = queries.map((vector) => {
    return { vector, k, ef: idCount, include: ['vector' as const] };
  });
  const answers = await (queries.length > FEW
    ? things.searchMany(searches)
    : Promise.all(searches.map((search) => things.search(search))));
  const last = history.begun;
  for (const [i, hits] of answers.entries()) {
    const found = hits.map(({ distance }) => distance ** 2);
    const possible = history.states.slice(first, last + 1).map((s) => nearestOf(s, queries[i]));
    const isRight = possible.some(
      (wanted) =>
        wanted.length === found.length &&
        wanted.every((distance, j) => Math.abs(distance - found[j]) < 1e-3),
    );
    if (!isRight) expect({ first, last, found }).toEqual({ first, last, found: possible.at(-1) });
  }
}

/** One random commit, or a flush, or a compaction. */
async function writeOnce(db: Database, things: Collection, history: History, random: Random) {
  const dice = random();
  if (dice < 0.08) return await db.flush();
  if (dice < 0.12) return await db.compact();
  const ids = Array.from({ length: 1 + Math.floor(20 * random()) }, () => {
    return Math.floor(idCount * random());
  });
  if (dice < 0.35) {
    const gone = (next: Map<number, Float32Array>): void => {
      for (const id of ids) next.delete(id);
    };
    await history.commit(gone, () => things.delete(ids));
    return;
  }
  const vectors = randomVectors(ids.length, dimension, Math.floor(1e9 * random()));
  const records = ids.map((id, i) => ({ id, vector: vectors[i] }));
  const put = (next: Map<number, Float32Array>): void => {
    for (const { id, vector } of records) next.set(id, vector);
  };
  await history.commit(put, () => things.upsert(records));
}

/** Takes everything away that can go, and leaves nonsense where it was. */
function squeeze({ allocator, kernels }: Session['stores']): void {
  expect(() => allocator.allocateRun(allocator.totalBytes)).toThrow('no room');
  const bytes = Math.floor(allocator.stats().freeBytes / 2);
  const run = allocator.allocateRun(bytes);
  kernels.memory.u8.fill(0xee, run, run + bytes);
  allocator.freeRun(run, bytes);
}

test.each([
  { threads: 0, squeezes: true, kills: false },
  { threads: 2, squeezes: false, kills: false },
  { threads: 2, squeezes: true, kills: false },
  { threads: 2, squeezes: true, kills: true },
])('answers are those of one commit: %o', async ({ threads, squeezes, kills }) => {
  const options = checkDatabaseOptions({ memoryBytes: 48 << 20, threads, durability: 'os' });
  const session = await openSession('/db', new MemoryFileSystem(), options);
  const { allocator, workers } = session.stores;
  const db = new Database(session);
  const things = await db.collection('things', { dimension, metric: 'l2', exactBelow: 0 });
  const random = seededRandom(7);
  const history = new History();
  const vectors = randomVectors(idCount, dimension, 11);
  const records = vectors.map((vector, id) => ({ id, vector }));
  const all = (next: Map<number, Float32Array>): void => {
    for (const { id, vector } of records) next.set(id, vector);
  };
  await history.commit(all, () => things.upsert(records));
  await db.flush();
  let isOver = false;
  const during = async (pauseMs: () => number, act: () => unknown): Promise<void> => {
    while (!isOver) {
      await act();
      await setTimeout(pauseMs());
    }
  };
  let seed = 0;
  const search = (count: number) => (): unknown =>
    searchOnce(things, history, randomVectors(count, dimension, seed++));
  const others = [during(() => 0, search(FEW)), during(() => 0, search(FEW + 2))];
  if (squeezes)
    others.push(
      during(
        () => 6 * random(),
        () => squeeze(session.stores),
      ),
    );
  const kill = (): unknown => {
    const alive = workers?.workers ?? [];
    return alive[Math.floor(alive.length * random())]?.terminate();
  };
  if (kills) others.push(during(() => 10 + 60 * random(), kill));
  const ended = Promise.all(others);
  const writing = (async () => {
    const writes = threads === 0 ? 5 : 20;
    for (let i = 0; i < writes; i++) await writeOnce(db, things, history, random);
    isOver = true;
  })();
  await Promise.race([writing, ended]);
  await ended;
  if (squeezes) expect(allocator.stats().evictions).toBeGreaterThan(100);
  if (workers !== undefined) expect(workers.done).toBeGreaterThan(20);
  if (kills) expect(workers?.replaced).toBeGreaterThan(0);
  expect((await db.check()).problems).toEqual([]);
  await db.close();
});
