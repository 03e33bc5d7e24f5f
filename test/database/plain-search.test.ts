/** Plain searches beside a commit under way are answered in one turn too, and as of the commit before. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import { type NamedMatch, searchPlainly } from '../../src/database/plain-search.ts';
import { checkSearch } from '../../src/database/search-plan.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors } from './fixtures.ts';

const dimension = 12;
const count = 600;
const vectors = randomVectors(count, dimension, 3);
const queries = randomVectors(16, dimension, 4);

async function opened() {
  const options = checkDatabaseOptions({ memoryBytes: 80 << 20 });
  const session = await openSession('/db', new MemoryFileSystem(), options);
  const db = new Database(session);
  const things = await db.collection('things', { dimension, metric: 'l2', exactBelow: 0 });
  await things.upsert(vectors.map((vector, id) => ({ id, vector })));
  const [store] = session.collections.open;
  const source = { stores: session.stores, store, space: store.vectorStores[0] };
  const now = session.now();
  const plainly = (vector: Float32Array): readonly NamedMatch[] | undefined => {
    session.stores.pace.noteQuestion();
    const search = checkSearch({ vector, k: 10, ef: 500 }, store.options);
    const sequence = session.stores.engine.publishedSequence;
    // A search that did not get the processor for a slice is given up, and the next ones are not tried.
    for (let tries = 0; tries < 1000; tries++) {
      const found = searchPlainly(source, { search, vector, sequence, now });
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return { db, things, plainly, source };
}

/** Ids of the nearest, by a look at all of them. */
function nearestIds(all: readonly { id: number; vector: Float32Array }[], query: Float32Array) {
  const far = (vector: Float32Array): number =>
    vector.reduce((sum, value, i) => sum + (value - query[i]) ** 2, 0);
  const ranked = all.map(({ id, vector }) => ({ id, far: far(vector) }));
  return ranked
    .sort((a, b) => a.far - b.far)
    .slice(0, 10)
    .map(({ id }) => id);
}

test.each(['deletes', 'replaces'] as const)('a commit that %s what is found', async (kind) => {
  const { db, things, plainly, source } = await opened();
  const before = vectors.map((vector, id) => ({ id, vector }));
  const expected = queries.map((query) => nearestIds(before, query));
  // Everything that any query finds is on its way out, and what comes is far from all queries.
  const gone = [...new Set(expected.flat())];
  const others = randomVectors(gone.length, dimension, 5).map((vector) =>
    vector.map((x) => x + 100),
  );
  const { engine } = source.stores;
  const sequence = engine.publishedSequence;
  const writing =
    kind === 'deletes'
      ? things.delete(gone)
      : things.upsert(gone.map((id, i) => ({ id, vector: others[i] })));
  let ghosts = 0;
  for (let turn = 0; engine.publishedSequence === sequence; turn++) {
    const query = turn % queries.length;
    expect(plainly(queries[query])?.map(({ id }) => id)).toEqual(expected[query]);
    ghosts = Math.max(ghosts, source.space.recentGhosts.count);
    await setImmediate();
  }
  await writing;
  expect(ghosts).toBe(gone.length);
  const left = before.filter(({ id }) => !gone.includes(id));
  expect(plainly(queries[0])?.map(({ id }) => id)).toEqual(nearestIds(left, queries[0]));
  await db.close();
});
