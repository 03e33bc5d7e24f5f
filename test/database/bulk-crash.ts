/** A short bulk load that is stopped or made to fail at any call, and what must hold afterwards. */
import { expect } from 'vitest';
import { type Collection, open } from '../../src/index.ts';
import { type FaultKind, FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors, SMALL_MEMORY } from './fixtures.ts';
import { openSharded } from './sharded.ts';

const COUNT = 90;
const records = randomVectors(COUNT, 8, 3).map((vector, id) => ({
  id,
  vector,
  ...(id % 2 === 0 ? { text: `record ${id}` } : {}),
}));

async function load(
  fileSystem: FileSystem,
  shardNodesMax: number,
): Promise<{ began: boolean; ended: boolean }> {
  const progress = { began: false, ended: false };
  const { db } = await openSharded(fileSystem, shardNodesMax);
  try {
    const other = await db.collection('other', { dimension: 8 });
    await other.upsert({ id: 1, vector: records[0].vector });
    const collection = await db.collection('things', { dimension: 8, exactBelow: 0, codes: 'bit' });
    progress.began = true;
    await collection.ingest(records);
    progress.ended = true;
    await collection.upsert({ id: 'after', vector: records[1].vector });
  } catch {
    // The fault. What it left is looked at afterwards.
  }
  await db.close().catch(() => {});
  return progress;
}

async function expectAllOrNothing(
  disk: FileSystem,
  { began, ended }: { began: boolean; ended: boolean },
): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const db = await open('/db', { fileSystem: disk, memoryBytes: SMALL_MEMORY });
    expect(disk.list('/db').filter((name) => name.includes('ingest'))).toEqual([]);
    const names = await db.collections();
    if (began) expect(names).toContain('things');
    if (names.includes('things')) {
      const collection: Collection = await db.collection('things');
      const count = await collection.count();
      if (ended) expect(count).toBeGreaterThanOrEqual(COUNT);
      else expect([0, COUNT]).toContain(count);
      if (count > 0) {
        expect((await collection.get(88))?.text).toBe('record 88');
        const [hit] = await collection.search({ vector: records[5].vector, k: 1, ef: 100 });
        expect(hit.id).toBe(5);
      }
    }
    expect(await db.check()).toMatchObject({ ok: true, problems: [] });
    await db.close();
  }
}

async function callsOfLoad(shardNodesMax: number): Promise<FaultyFileSystem> {
  const dry = new FaultyFileSystem(new MemoryFileSystem());
  expect(await load(dry, shardNodesMax)).toEqual({ began: true, ended: true });
  return dry;
}

export interface CrashRun {
  /** Vectors of a shard at the most. Default: all in one piece. */
  readonly shardNodesMax?: number;
  /** Every how many calls. Default: 1. */
  readonly step?: number;
}

/** The process dies, or the power fails, at every call. */
export async function crashEverywhere(
  keepUnsynced: number,
  { shardNodesMax = COUNT, step = 1 }: CrashRun = {},
): Promise<void> {
  const dry = await callsOfLoad(shardNodesMax);
  for (let n = 1; n <= dry.calls; n += step) {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    faulty.stopAt(n);
    const progress = await load(faulty, shardNodesMax).catch(() => ({
      began: false,
      ended: false,
    }));
    try {
      await expectAllOrNothing(disk.crash(n, keepUnsynced), progress);
    } catch (cause) {
      throw new Error(`crash at call ${n} of ${dry.calls}, ${dry.trace[n - 1]}`, { cause });
    }
  }
}

/** Every call fails, one in each run. */
export async function failEverywhere(
  kind: FaultKind,
  { shardNodesMax = COUNT, step = 1 }: CrashRun = {},
): Promise<void> {
  const dry = await callsOfLoad(shardNodesMax);
  for (let n = 1; n <= dry.calls; n += step) {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    faulty.failCall(n, kind);
    const progress = await load(faulty, shardNodesMax).catch(() => ({
      began: false,
      ended: false,
    }));
    try {
      await expectAllOrNothing(disk.crash(n, 0.5), progress);
    } catch (cause) {
      throw new Error(`${kind} at call ${n} of ${dry.calls}, ${dry.trace[n - 1]}`, { cause });
    }
  }
}
