/** Repairs one case at a time: what each kind of damage costs, and what the report says of it. */
import { expect, test } from 'vitest';
import { LISTS, nextTurn, PLAIN } from '../../../bench/soak/engine-model.ts';
import type { LsmEngine } from '../../../src/lsm/engine.ts';
import { encodeEdges } from '../../../src/lsm/list-codec.ts';
import { repairEngine } from '../../../src/lsm/repair/repair.ts';
import { WriteBatch } from '../../../src/lsm/write-batch.ts';
import { FaultyFileSystem } from '../../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { inflict, readAll } from '../../damage.ts';
import { DIRECTORY, openTiny, tinyOptions } from '../engine-harness.ts';

const SIZES = { memtableBytes: 1 << 20, tableBytes: 1 << 20 };

async function put(engine: LsmEngine, lo: number): Promise<void> {
  const batch = new WriteBatch();
  batch.set(PLAIN, 0, lo, new Uint8Array(50).fill(lo));
  await engine.committed(engine.write(batch));
}

function pathsOf(disk: MemoryFileSystem, kind: string): string[] {
  const names = disk.list(DIRECTORY).filter((name) => name.endsWith(kind));
  return names.map((name) => `${DIRECTORY}/${name}`);
}

/** Keys of the plain tree that are there, of the first hundred. */
async function keysAfter(disk: MemoryFileSystem): Promise<number[]> {
  await using engine = await openTiny(disk, SIZES);
  expect((await engine.check()).problems).toEqual([]);
  return Array.from({ length: 100 }, (_, lo) => lo).filter((lo) => engine.get(PLAIN, 0, lo));
}

/** Keys 0 and 1 in a table each, 2 to 4 in the log; one list. */
async function small(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk, SIZES);
  for (let lo = 0; lo < 2; lo++) {
    await put(engine, lo);
    await engine.checkpoint();
  }
  for (let lo = 2; lo < 5; lo++) await put(engine, lo);
  await engine.close();
  await nextTurn();
  return disk;
}

function zero(disk: MemoryFileSystem, path: string, from: number, length: number): void {
  const file = disk.open(path, 'readwrite');
  file.write(new Uint8Array(length), from);
  file.close();
}

test('without the version, a table whose properties are gone belongs to nobody', async () => {
  const disk = await small();
  for (const path of pathsOf(disk, '.version')) inflict(disk, path, flip);
  const [first, second] = pathsOf(disk, '.table');
  zero(disk, first, 100, readAll(disk, first).length - 100);
  const report = await repairEngine(disk, DIRECTORY, tinyOptions(SIZES));
  const lost = report.lost.filter(({ where }) => where === first);
  expect(lost).toMatchObject([{ what: 'table', detail: 'nothing says which tree it belongs to' }]);
  expect(report.lost.filter(({ where }) => where === second)).toEqual([]);
  expect(report.movedFiles).toContain(first.slice(DIRECTORY.length + 1));
  expect(await keysAfter(disk)).toEqual([1, 2, 3, 4]);
});

const flip = { kind: 'flip', from: 0.5, length: 0 } as const;

test('without the version, a table newer than it is that of nobody: an unfinished flush', async () => {
  const disk = await small();
  const [first] = pathsOf(disk, '.table');
  const orphan = disk.open(`${DIRECTORY}/000099.table`, 'create');
  orphan.write(readAll(disk, first), 0);
  orphan.close();
  for (const path of pathsOf(disk, '.version')) inflict(disk, path, flip);
  const report = await repairEngine(disk, DIRECTORY, tinyOptions(SIZES));
  expect(report.lost.map(({ what }) => what)).toEqual(['version']);
  expect(await keysAfter(disk)).toEqual([0, 1, 2, 3, 4]);
});

test('a missing table says by its version what it held', async () => {
  const disk = await small();
  const [first] = pathsOf(disk, '.table');
  disk.remove(first);
  const report = await repairEngine(disk, DIRECTORY, tinyOptions(SIZES));
  const detail = `the file is missing; 1 entries of tree ${PLAIN}, keys (0, 0) to (0, 0)`;
  expect(report.lost).toEqual([{ what: 'table', where: first, detail }]);
  expect(await keysAfter(disk)).toEqual([1, 2, 3, 4]);
});

test('a tree of which nothing is left is empty', async () => {
  const disk = await small();
  for (const path of pathsOf(disk, '.table')) disk.remove(path);
  for (const path of pathsOf(disk, '.wal')) disk.remove(path);
  const report = await repairEngine(disk, DIRECTORY, tinyOptions(SIZES));
  expect(report.recovered).toEqual({ tables: 0, entries: 0, commits: 0 });
  expect(await keysAfter(disk)).toEqual([]);
});

test('damage at the end of a log behind which another has begun is a loss, at the end of the last it may be a crash', async () => {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk, SIZES);
  for (let lo = 0; lo < 3; lo++) await put(engine, lo);
  const participant = { freeze: () => {}, installed: () => {}, failed: () => {} };
  const write = (): Promise<never> => Promise.reject(new TypeError('no'));
  await expect(engine.checkpoint({ ...participant, write })).rejects.toThrow('no');
  for (let lo = 3; lo < 6; lo++) await put(engine, lo);
  const crashed = disk.crash(1, 1);
  await engine.close().catch(() => {});
  const logs = pathsOf(crashed, '.wal');
  expect(logs).toHaveLength(2);
  for (const log of logs) crashed.open(log, 'readwrite').truncate(readAll(crashed, log).length - 5);
  const report = await repairEngine(crashed, DIRECTORY, tinyOptions(SIZES));
  expect(report.lost.map(({ what, where }) => [what, where])).toEqual([
    ['commits', logs[0]],
    ['commits', logs[1]],
  ]);
  expect(report.lost[0].detail).toMatch(/^none whole in bytes \d+ to \d+$/);
  expect(report.lost[1].detail).toBe('those numbered 3 to 3');
  expect(await keysAfter(crashed)).toEqual([0, 1, 3, 4]);
});

test('a tree that was not given is not thrown away: the repair is refused, and nothing has changed', async () => {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk, SIZES);
  const batch = new WriteBatch();
  batch.merge(LISTS, 0, 1, encodeEdges(Uint32Array.of(4), new Uint32Array(0)));
  engine.write(batch);
  await put(engine, 1);
  await engine.checkpoint();
  await engine.close();
  for (const path of pathsOf(disk, '.table')) inflict(disk, path, { ...flip, from: 0.01 });
  const before = disk.list(DIRECTORY);
  const options = tinyOptions(SIZES);
  const trees = options.trees.filter(({ id }) => id !== LISTS);
  await expect(repairEngine(disk, DIRECTORY, { ...options, trees })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(`tables of tree ${LISTS}`),
  });
  expect(disk.list(DIRECTORY).filter((name) => before.includes(name))).toEqual(before);
});

test('a repair that died while it moved files leaves them to the next one', async () => {
  const damaged = await small();
  const [table] = pathsOf(damaged, '.table');
  inflict(damaged, table, { ...flip, from: 0.01 });
  const whole = new FaultyFileSystem(damaged.crash(1, 1));
  await repairEngine(whole, DIRECTORY, tinyOptions(SIZES));
  const link = whole.trace.findIndex((call) => call.startsWith('link')) + 1;
  expect(link).toBeGreaterThan(0);
  const disk = damaged.crash(1, 1);
  const stopped = new FaultyFileSystem(disk);
  stopped.failCall(link, 'EIO');
  await expect(repairEngine(stopped, DIRECTORY, tinyOptions(SIZES))).rejects.toMatchObject({
    code: 'IO',
  });
  expect(disk.exists(table)).toBe(true);
  expect(await keysAfter(disk)).toEqual([1, 2, 3, 4]);
  // Linked by one that died behind it: a number is given once, so it is the same file.
  const linked = damaged.crash(1, 1);
  linked.makeDirectory(`${DIRECTORY}/lost`);
  linked.link(table, table.replace(DIRECTORY, `${DIRECTORY}/lost`));
  const { movedFiles } = await repairEngine(linked, DIRECTORY, tinyOptions(SIZES));
  expect(movedFiles).toContain(table.slice(DIRECTORY.length + 1));
  expect([linked.exists(table), linked.list(`${DIRECTORY}/lost`).length]).toEqual([
    false,
    movedFiles.length,
  ]);
});
