/**
 * Flushes and compactions in a worker thread, on a real directory: the same tables as in slices, typed errors
 * from the other side, and nothing lost or left behind when the thread dies or the engine closes meanwhile.
 * Needs a build (`npm test` makes one).
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { COUNTS, LISTS, PLAIN, scanState } from '../../bench/soak/engine-model.ts';
import { seededRandom } from '../../src/base/random.ts';
import { KIB } from '../../src/base/units.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { encodeCount } from '../../src/lsm/counter.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import type { EngineOptions } from '../../src/lsm/engine-options.ts';
import { encodeEdges } from '../../src/lsm/list-codec.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { tempDir } from '../temp-dir.ts';
import { tinyOptions } from './engine-harness.ts';

/** Tables large enough that syncing them is not all that the tests do. */
const SIZES = {
  memtableBytes: 64 * KIB,
  tableBytes: 8 * KIB,
  blockBytes: 512,
  baseLevelBytes: 16 * KIB,
};
const WORKER = { ...SIZES, executor: 'worker' } as const;

const workers: Worker[] = [];
const note = (worker: Worker): number => workers.push(worker);

beforeEach(() => {
  workers.length = 0;
  process.on('worker', note);
});
afterEach(() => {
  process.off('worker', note);
});

function open(path: string, changes: Partial<EngineOptions> = {}): Promise<LsmEngine> {
  return LsmEngine.open(new NodeFileSystem(), path, tinyOptions({ ...SIZES, ...changes }));
}

/** Sets, operands and deletions in all trees, the same for the same seed. */
function writeSome(engine: LsmEngine, seed: number, count = 40): void {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(limit * random());
  for (let i = 0; i < count; i++) {
    const batch = new WriteBatch();
    batch.set(PLAIN, below(3), below(400), new Uint8Array(below(60)).fill(below(256)));
    batch.delete(PLAIN, below(3), below(400));
    batch.merge(LISTS, 0, below(30), encodeEdges(Uint32Array.of(below(50)), new Uint32Array(0)));
    batch.merge(COUNTS, 0, below(30), encodeCount(below(100)));
    engine.write(batch);
  }
}

/** Names of the table files that no version names. */
function orphans(engine: LsmEngine, path: string): string[] {
  const named = engine
    .stats()
    .trees.reduce(
      (sum, { levels }) => sum + levels.reduce((tables, level) => tables + level.tables, 0),
      0,
    );
  const tables = readdirSync(path).filter((name) => name.endsWith('.table'));
  return tables.length === named ? [] : tables;
}

async function drain(engine: LsmEngine): Promise<void> {
  while (engine.compactStep(5)) await new Promise((resolve) => setTimeout(resolve, 1));
}

test('one history makes the same tables in both executors, byte for byte', async () => {
  const files: Map<string, string>[] = [];
  const states: unknown[] = [];
  for (const executor of ['slices', 'worker'] as const) {
    await using directory = await tempDir();
    const engine = await open(directory.path, { executor });
    expect(engine.stats().settings.executor).toBe(executor);
    const snapshots = [];
    for (let round = 0; round < 12; round++) {
      writeSome(engine, round);
      await engine.committed(engine.appliedSequence);
      if (round % 4 === 1) snapshots.push(engine.snapshot());
      if (round === 9) snapshots.shift()?.release();
      await engine.checkpoint();
      if (round % 3 === 2) await drain(engine);
    }
    await drain(engine);
    states.push([
      scanState(engine),
      ...snapshots.map(({ sequence }) => scanState(engine, sequence)),
    ]);
    expect(engine.stats().compactions).toBeGreaterThan(3);
    expect((await engine.check()).problems).toEqual([]);
    await engine.close();
    const tables = readdirSync(directory.path).filter((name) => name.endsWith('.table'));
    files.push(
      new Map(tables.map((name) => [name, readFileSync(`${directory.path}/${name}`, 'hex')])),
    );
  }
  expect(states[1]).toEqual(states[0]);
  expect(files[1]).toEqual(files[0]);
});

test('reads and writes go on while the thread flushes and merges; bytes are counted', async () => {
  await using directory = await tempDir();
  const counting = new CountingFileSystem(new NodeFileSystem());
  const options = tinyOptions({ ...WORKER, autoCompact: true });
  const engine = await LsmEngine.open(counting, directory.path, options);
  for (let round = 0; round < 20; round++) {
    writeSome(engine, round);
    const expected = scanState(engine);
    const flushed = engine.checkpoint();
    expect(scanState(engine)).toEqual(expected);
    await flushed;
    expect(scanState(engine)).toEqual(expected);
  }
  const { flushBytesWritten, compactionBytesWritten } = engine.stats();
  expect(compactionBytesWritten).toBeGreaterThan(0);
  await engine.close();
  const written = counting.totalFor('write', 'flush').bytes;
  expect(written).toBe(flushBytesWritten);
  expect(counting.totalFor('write', 'compaction').bytes).toBeGreaterThanOrEqual(
    compactionBytesWritten,
  );
  expect(workers).toHaveLength(1);
});

test('what the thread finds damaged arrives with its place, and nothing has happened', async () => {
  await using directory = await tempDir();
  const path = directory.path;
  const errors: Error[] = [];
  const engine = await open(path, { ...WORKER, onBackgroundError: (error) => errors.push(error) });
  for (let round = 0; round < 3; round++) {
    writeSome(engine, round);
    await engine.checkpoint();
  }
  const before = engine.stats().trees;
  const victim = readdirSync(path).find((name) => name.endsWith('.table'))!;
  const bytes = readFileSync(`${path}/${victim}`);
  bytes[20] ^= 1;
  writeFileSync(`${path}/${victim}`, bytes);
  await expect(engine.compact()).rejects.toMatchObject({
    name: 'DatabaseError',
    code: 'CORRUPTION',
    location: { file: `${path}/${victim}` },
  });
  expect(errors).toHaveLength(1);
  expect(engine.stats().trees.map(({ levels }) => levels[0])).toEqual(
    before.map(({ levels }) => levels[0]),
  );
  await engine.close();
  expect(orphans(engine, path)).toEqual([]);
});

test('a thread that is killed at any moment loses nothing, and the next job gets a new one', async () => {
  await using directory = await tempDir();
  const { path } = directory;
  const random = seededRandom(7);
  const errors: Error[] = [];
  const changes = { ...WORKER, autoCompact: true };
  const engine = await open(path, { ...changes, onBackgroundError: (error) => errors.push(error) });
  let deaths = 0;
  for (let round = 0; round < 16; round++) {
    writeSome(engine, round, 200);
    const expected = scanState(engine);
    const flushed = engine.checkpoint().then(
      () => undefined,
      (error: unknown) => error,
    );
    const delay = 8 * random();
    await new Promise((resolve) => setTimeout(resolve, delay));
    await workers.at(-1)?.terminate();
    const error = await flushed;
    if (error !== undefined) {
      expect(isDatabaseError(error) && error.code).toBe('ABORTED');
      deaths++;
    }
    expect(scanState(engine)).toEqual(expected);
  }
  for (const error of errors) expect(error).toMatchObject({ code: 'ABORTED' });
  expect(deaths + errors.length).toBeGreaterThan(0);
  await engine.checkpoint();
  await engine.compact();
  const expected = scanState(engine);
  expect((await engine.check()).problems).toEqual([]);
  await engine.close();
  expect(orphans(engine, path)).toEqual([]);
  const again = await open(path);
  expect(scanState(again)).toEqual(expected);
  await again.close();
});

test('closing gives up the compaction under way and leaves no file and no thread', async () => {
  for (let round = 0; round < 4; round++) {
    await using directory = await tempDir();
    // So slow that only a compaction of one slice ends by itself; each of the three trees is due for one.
    const engine = await open(directory.path, { ...WORKER, backgroundBytesPerSecond: 2000 });
    for (let part = 0; part < 3; part++) {
      writeSome(engine, part, 500);
      await engine.checkpoint();
    }
    engine.compactStep(1);
    await new Promise((resolve) => setTimeout(resolve, round));
    const exited = new Promise((resolve) => workers.at(-1)!.once('exit', resolve));
    await engine.close();
    await exited;
    expect(engine.stats().compactions).toBeLessThan(3);
    expect(orphans(engine, directory.path)).toEqual([]);
  }
});

test('a full directory fails the job, which leaves everything as it was', async () => {
  await using directory = await tempDir();
  const path = directory.path;
  const engine = await open(path, WORKER);
  writeSome(engine, 1);
  const expected = scanState(engine);
  // Names that the job is about to take: it may not touch what is not its own.
  const taken = Array.from({ length: 12 }, (_, i) => `${path}/${String(i).padStart(6, '0')}.table`);
  const present = new Set(readdirSync(path));
  const foreign = taken.filter((file) => !present.has(file.slice(path.length + 1)));
  for (const file of foreign) writeFileSync(file, 'foreign');
  await expect(engine.checkpoint()).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(scanState(engine)).toEqual(expected);
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const file of foreign) expect(readFileSync(file, 'utf8')).toBe('foreign');
  await engine.close();
});

test('other file systems are worked on in slices', async () => {
  for (const fileSystem of [
    new MemoryFileSystem(),
    new CountingFileSystem(new MemoryFileSystem()),
    new FaultyFileSystem(new MemoryFileSystem()),
  ]) {
    const engine = await LsmEngine.open(fileSystem, 'data', tinyOptions(WORKER));
    writeSome(engine, 1);
    await engine.checkpoint();
    expect(engine.stats().settings.executor).toBe('slices');
    await engine.close();
  }
  expect(workers).toEqual([]);
});
