/** The entry that takes the place of a ghost is looked for in steps: nearly all lists may be of ghosts. */
import { expect, test } from 'vitest';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import { findingEntry } from '../../src/database/sweep-changes.ts';
import { GHOSTS_MIN } from '../../src/database/sweeper.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors } from './fixtures.ts';

test('each list that is looked at is a step, from the topmost layer down', async () => {
  const options = checkDatabaseOptions({ memoryBytes: 48 << 20 });
  const session = await openSession('/db', new MemoryFileSystem(), options);
  const db = new Database(session);
  const things = await db.collection('things', { dimension: 8, metric: 'l2', exactBelow: 0 });
  // So few that no sweep begins by itself, which would change lists meanwhile.
  const count = GHOSTS_MIN - 1;
  await things.upsert(randomVectors(count, 8, 3).map((vector, id) => ({ id, vector })));
  const [space] = session.collections.open[0].vectorStores;
  const { engine } = session.stores;
  const top = space.graph.entry?.layer ?? 0;
  expect(top).toBeGreaterThan(0);
  expect(findingEntry(engine, space, top).next().value).toMatchObject({ layer: top });
  const kept = 217;
  await things.delete(Array.from({ length: count }, (_, id) => id).filter((id) => id !== kept));
  const finding = findingEntry(engine, space, top);
  let steps = 0;
  let end = finding.next();
  for (; !end.done; end = finding.next()) steps++;
  expect(steps).toBeGreaterThan(20);
  expect(space.vectors.isLive(end.value?.node ?? -1)).toBe(true);
  await things.delete(kept);
  expect([...findingEntry(engine, space, top)].length).toBeGreaterThan(count);
  await db.close();
});
