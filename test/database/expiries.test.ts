/** The index of expiries: what it holds, and that nothing of it stays behind. */
import { expect, test } from 'vitest';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import { EXPIRY_FIELD, FIELDS_TREE } from '../../src/database/trees.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';

test('a key for each second, which goes with its last record', async () => {
  let now = 10_000;
  const options = checkDatabaseOptions({ memoryBytes: SMALL_MEMORY, now: () => now });
  const session = await openSession('/db', new MemoryFileSystem(), options);
  const database = new Database(session);
  let lastValue: number[] = [];
  const keys = (): number[] => {
    const scan = session.stores.engine.scan(FIELDS_TREE, {
      fromHi: (1 << 8) | EXPIRY_FIELD,
      toHi: (1 << 8) | EXPIRY_FIELD,
      fromLo: 0,
      toLo: 0xffffffff,
    });
    const found: number[] = [];
    while (scan.next()) {
      found.push(scan.lo);
      lastValue = [...scan.value];
    }
    scan.close();
    return found;
  };
  const things = await database.collection('things', { dimension: 2 });
  const ids = [1, 2, 3, 4, 5, 6];
  await things.upsert(ids.map((id) => ({ id, vector: [1, id], ttlSeconds: id / 2 })));
  expect(keys()).toEqual([10, 11, 12, 13]);
  // One pair of high 0, in a run of one, whose low is the sixth record.
  expect(lastValue).toEqual([1, 0, 0, 5]);
  await things.delete([2, 3]);
  expect(keys()).toEqual([10, 12, 13]);
  await things.update(6, { ttlSeconds: 3.5 });
  expect(keys()).toEqual([10, 12, 13]);
  await things.upsert({ id: 6, vector: [1, 6] });
  expect(keys()).toEqual([10, 12]);
  now += 100_000;
  await database.compact();
  expect(keys()).toEqual([]);
  expect(await things.count()).toBe(1);
  await database.close();
});
