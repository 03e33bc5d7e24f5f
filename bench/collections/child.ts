/** One process of the bench of many collections: makes them, or opens the database and uses them. */
import { type Database, open } from '../../src/index.ts';
import { serve } from '../harness/child.ts';
import { processMemory, settleMemory } from '../harness/memory.ts';
import { diskBytes } from '../lsm/system-account.ts';

export interface CollectionsSetup {
  readonly directory: string;
  readonly collections: number;
  /** In each. */
  readonly records: number;
  readonly dimension: number;
  readonly memoryBytes: number | undefined;
}

export interface MakingFigures {
  readonly makeSeconds: number;
  readonly insertSeconds: number;
  readonly closeMs: number;
  readonly diskBytes: number;
}

export interface OpeningFigures {
  readonly openMs: number;
  /** Resident memory beside the process before it opened the database. */
  readonly openBytes: number;
  readonly listMs: number;
  /** The first search in a collection, and a second one in it; of each collection in turn. */
  readonly firstMs: Float64Array;
  readonly secondMs: Float64Array;
  readonly firstCollectionMs: number;
  /** When all of them were used. */
  readonly usedBytes: number;
  readonly accountedBytes: number;
  readonly closeMs: number;
}

const setup = JSON.parse(process.argv[2]) as CollectionsSetup;
const { directory, collections, records, dimension, memoryBytes } = setup;
const options = { dimension, metric: 'l2' } as const;

function nameOf(i: number): string {
  return `tenant-${i}`;
}

function vectorOf(collection: number, record: number): Float32Array {
  return Float32Array.from({ length: dimension }, (_, i) =>
    Math.sin(1 + collection * 0.37 + record * 1.7 + i * (1 + record)),
  );
}

function openDatabase(): Promise<Database> {
  return open(directory, { memoryBytes, durability: 'os' });
}

serve({
  async make(): Promise<MakingFigures> {
    const database = await openDatabase();
    let start = performance.now();
    const made = [];
    for (let i = 0; i < collections; i++) {
      made.push(await database.collection(nameOf(i), options));
    }
    const makeSeconds = (performance.now() - start) / 1000;
    start = performance.now();
    for (const [i, collection] of made.entries()) {
      await collection.upsert(
        Array.from({ length: records }, (_, id) => ({ id, vector: vectorOf(i, id) })),
      );
    }
    const insertSeconds = (performance.now() - start) / 1000;
    start = performance.now();
    await database.close();
    const closeMs = performance.now() - start;
    return { makeSeconds, insertSeconds, closeMs, diskBytes: diskBytes(directory) };
  },

  async use(): Promise<OpeningFigures> {
    settleMemory();
    const before = processMemory().residentBytes;
    let start = performance.now();
    const database = await openDatabase();
    const openMs = performance.now() - start;
    const openBytes = processMemory().residentBytes - before;
    start = performance.now();
    if ((await database.collections()).length !== collections) throw new Error('some are missing');
    const listMs = performance.now() - start;
    const firstMs = new Float64Array(collections);
    const secondMs = new Float64Array(collections);
    // In no order that caches like.
    const stride = 7919;
    for (let n = 0; n < collections; n++) {
      const i = (n * stride) % collections;
      const query = { vector: vectorOf(i, 3), k: 1 };
      start = performance.now();
      const collection = await database.collection(nameOf(i));
      const [hit] = await collection.search(query);
      firstMs[n] = performance.now() - start;
      if (hit.id !== 3) throw new Error(`${nameOf(i)} has lost its records`);
      start = performance.now();
      await collection.search(query);
      secondMs[n] = performance.now() - start;
    }
    settleMemory();
    const usedBytes = processMemory().residentBytes - before;
    const { memory } = await database.stats();
    const firstCollectionMs = firstMs[0];
    start = performance.now();
    await database.close();
    const closeMs = performance.now() - start;
    const used = { usedBytes, accountedBytes: memory.totalBytes, closeMs };
    return { openMs, openBytes, listMs, firstMs, secondMs, firstCollectionMs, ...used };
  },
});
