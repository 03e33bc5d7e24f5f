/** A sweep links nodes again that name each other and that nobody else names. */
import { expect, test } from 'vitest';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import { GRAPH_TREE, graphHi } from '../../src/database/trees.ts';
import { decodeList, encodeList } from '../../src/lsm/list-codec.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors, SMALL_MEMORY } from './fixtures.ts';

const count = 300;
const fileSystem = new MemoryFileSystem();
const options = checkDatabaseOptions({ memoryBytes: SMALL_MEMORY });

/** Leaves of the edges to `island` those between its nodes. */
async function cutOff(island: readonly number[]): Promise<void> {
  const session = await openSession('/db', fileSystem, options);
  const [entry] = session.catalog.entries;
  const { engine } = session.stores;
  const hi = graphHi(session.collections.storeOf(entry).defaultSpace.id, 0);
  const batch = new WriteBatch();
  const scan = engine.scan(GRAPH_TREE, { fromHi: hi, fromLo: 0, toHi: hi, toLo: 0xffffffff });
  const ids = new Uint32Array(256);
  while (scan.next()) {
    const node = scan.lo;
    const list = ids.slice(0, decodeList(scan.value, ids));
    const kept = island.includes(node)
      ? Uint32Array.from(island.filter((other) => other !== node))
      : list.filter((other) => !island.includes(other));
    batch.set(GRAPH_TREE, hi, node, encodeList(kept));
  }
  scan.close();
  await engine.committed(engine.write(batch));
  await session.close();
}

test('nodes that only name each other are reached after a sweep', async () => {
  const first = new Database(await openSession('/db', fileSystem, options));
  const made = await first.collection('things', { dimension: 8, metric: 'l2', exactBelow: 0 });
  await made.upsert(randomVectors(count, 8, 1).map((vector, id) => ({ id, vector })));
  await first.close();
  await cutOff([100, 101, 102]);
  const session = await openSession('/db', fileSystem, options);
  const db = new Database(session);
  const things = await db.collection('things');
  const { graph } = session.collections.storeOf([...session.catalog.entries][0]).defaultSpace;
  expect((await graph.check()).reachable).toBeLessThan(1);
  await things.delete(7);
  await db.compact();
  expect((await graph.check()).reachable).toBe(1);
  expect((await db.check()).problems).toEqual([]);
  await db.close();
});

function flat(vectors: readonly Float32Array[]): Float32Array {
  return Float32Array.from(vectors.flatMap((vector) => [...vector]));
}

test('a sweep ends beside writes that never stop', async () => {
  const db = new Database(await openSession('/steady', fileSystem, options));
  const things = await db.collection('things', { dimension: 8, metric: 'l2', exactBelow: 0 });
  // More lists than one turn of a pass looks at: writes come between.
  const [built, most] = [24_000, 1500];
  const vectors = randomVectors(built + most, 8, 2);
  await things.build({ vectors: flat(vectors.slice(0, built)) });
  await things.delete([1, 2, 3]);
  let isOver = false;
  const compacting = db.compact().then(() => {
    isOver = true;
  });
  let id = built;
  const write = async () => {
    for (; id < vectors.length && !isOver; id++) {
      await things.upsert({ id, vector: vectors[id] });
    }
  };
  await Promise.all(Array.from({ length: 6 }, write));
  expect(isOver).toBe(true);
  await compacting;
  await db.close();
});
