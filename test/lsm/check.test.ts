/**
 * The check of an open engine whose files change under it: every lie of a file is named with its place, and
 * nothing that is right is reported, whatever goes on beside it.
 */
import { expect, test } from 'vitest';
import { nextTurn, PLAIN } from '../../bench/soak/engine-model.ts';
import { loadHasher } from '../../src/base/hasher.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import type { CheckpointParticipant } from '../../src/lsm/engine-options.ts';
import { fileName } from '../../src/lsm/file-names.ts';
import { LogWriter } from '../../src/lsm/log-writer.ts';
import {
  decodePointer,
  decodeVersion,
  encodePointer,
  encodeVersion,
  type StoredVersion,
} from '../../src/lsm/version-format.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { InterceptingFileSystem } from '../../src/storage/intercepting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { readAll } from '../damage.ts';
import { DIRECTORY, openTiny } from './engine-harness.ts';

const hasher = await loadHasher();
const POINTER = `${DIRECTORY}/CURRENT`;

async function put(engine: LsmEngine, lo: number, bytes = 100): Promise<void> {
  const batch = new WriteBatch();
  batch.set(PLAIN, 0, lo, new Uint8Array(bytes).fill(lo));
  await engine.committed(engine.write(batch));
}

function replace(disk: MemoryFileSystem, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, 'readwrite');
  file.truncate(0);
  file.write(bytes, 0);
  file.close();
}

function currentNumber(disk: MemoryFileSystem): number {
  return decodePointer(readAll(disk, POINTER), POINTER, hasher);
}

/** Path of the version in force. */
function versionPath(disk: MemoryFileSystem): string {
  return `${DIRECTORY}/${fileName('version', currentNumber(disk))}`;
}

function editVersion(
  disk: MemoryFileSystem,
  edit: (stored: StoredVersion) => Partial<StoredVersion>,
): void {
  const path = versionPath(disk);
  const stored = decodeVersion(readAll(disk, path), currentNumber(disk), path, hasher);
  replace(disk, path, encodeVersion({ ...stored, ...edit(stored) }, hasher));
}

/** Paths of the logs, oldest first. */
function logs(disk: MemoryFileSystem): string[] {
  const names = disk.list(DIRECTORY).filter((name) => name.endsWith('.wal'));
  return names.map((name) => `${DIRECTORY}/${name}`);
}

/** A log of empty commits. */
function logOf(number: number, sequences: readonly number[]): Uint8Array {
  const disk = new MemoryFileSystem();
  const log = new LogWriter(number, { fileSystem: disk, directory: '', hasher });
  const nothing = new Uint8Array(0);
  for (const firstSequence of sequences) {
    log.append({ firstSequence, entryCount: 0, entries: nothing, attachments: nothing });
  }
  log.write();
  log.close();
  return readAll(disk, fileName('wal', number));
}

/** Two tables, and commits in the log behind them. */
async function small(disk: MemoryFileSystem): Promise<LsmEngine> {
  const engine = await openTiny(disk, { memtableBytes: 1 << 20 });
  for (let lo = 0; lo < 2; lo++) {
    await put(engine, lo);
    await engine.checkpoint();
  }
  for (let lo = 2; lo < 5; lo++) await put(engine, lo);
  for (let turn = 0; turn < 5; turn++) await nextTurn(); // Old logs go.
  return engine;
}

/** A checkpoint that fails when the log has been switched: two logs stay. */
async function switchLogs(engine: LsmEngine): Promise<void> {
  const participant: CheckpointParticipant = {
    freeze: () => {},
    installed: () => {},
    failed: () => {},
    write: () => Promise.reject(new TypeError('no')),
  };
  await expect(engine.checkpoint(participant)).rejects.toThrow('no');
}

async function problems(engine: LsmEngine): Promise<[code: string, where: string, what: string][]> {
  const { ok, problems: found } = await engine.check();
  expect(ok).toBe(found.length === 0);
  return found.map(({ code, where, detail }) => [code, where, detail]);
}

test('a pointer that names another version', async () => {
  const disk = new MemoryFileSystem();
  await using engine = await small(disk);
  expect(await problems(engine)).toEqual([]);
  const number = currentNumber(disk);
  replace(disk, POINTER, encodePointer(number - 1, hasher));
  const detail = `names ${number - 1}, expected ${number}`;
  expect(await problems(engine)).toEqual([['POINTER_DAMAGED', POINTER, detail]]);
});

test('a version file that says other tables or another sequence', async () => {
  const edits: ((stored: StoredVersion) => Partial<StoredVersion>)[] = [
    ({ tables }) => ({ tables: tables.slice(1) }),
    ({ sequence }) => ({ sequence: sequence + 1 }),
    ({ logNumber }) => ({ logNumber: logNumber - 1 }),
  ];
  for (const edit of edits) {
    const disk = new MemoryFileSystem();
    await using engine = await small(disk);
    editVersion(disk, edit);
    expect(await problems(engine)).toEqual([
      ['VERSION_DAMAGED', versionPath(disk), 'says other tables or logs than the version in force'],
    ]);
  }
});

test('after a failed install the pointer may name either version', async () => {
  const memory = new MemoryFileSystem();
  const run = async (disk: FaultyFileSystem): Promise<LsmEngine> => {
    const engine = await openTiny(disk);
    await put(engine, 1);
    await engine.checkpoint().catch(() => {});
    return engine;
  };
  const whole = new FaultyFileSystem(new MemoryFileSystem());
  await (await run(whole)).close();
  const faulty = new FaultyFileSystem(memory);
  // The directory, behind the rename: the pointer names the version that was not installed.
  const rename = whole.trace.findLastIndex((call) => call.startsWith('rename'));
  faulty.failCall(rename + 2, 'EIO');
  const engine = await run(faulty);
  expect(engine.state).toBe('readonly');
  expect(memory.exists(versionPath(memory))).toBe(true);
  expect(engine.stats().trees[0].levels[0].tables).toBe(0);
  expect(await problems(engine)).toEqual([]);
  await engine.close().catch(() => {});
});

test('a table of other sequences than its version says', async () => {
  const disk = new MemoryFileSystem();
  const first = await openTiny(disk, { memtableBytes: 1 << 20, tableBytes: 1 << 20 });
  for (let lo = 0; lo < 3; lo++) await put(first, lo);
  await first.checkpoint();
  await first.close();
  await nextTurn();
  for (const log of logs(disk)) disk.remove(log);
  editVersion(disk, ({ tables: [table] }) => ({
    sequence: 2,
    tables: [{ ...table, meta: { ...table.meta, largestSequence: 2 } }],
  }));
  await using engine = await openTiny(disk, { readOnly: true });
  const details = (await problems(engine)).map(([code, , detail]) => `${code}: ${detail}`);
  expect(details).toEqual([
    'TABLE_MISPLACED: sequences differ from those that the version names',
    'TABLE_MISPLACED: sequence 3 in a version of 2',
  ]);
});

test('a log that ends before what was written, at a commit or within one', async () => {
  for (const cut of [0, 5]) {
    const disk = new MemoryFileSystem();
    const engine = await small(disk);
    const [log] = logs(disk);
    const bytes = readAll(disk, log);
    await put(engine, 9);
    disk.open(log, 'readwrite').truncate(bytes.length - cut);
    const where = cut === 0 ? DIRECTORY : log;
    const detail = `the logs end with entry ${cut === 0 ? 5 : 4}, and 6 was written`;
    expect(await problems(engine)).toEqual([['LOG_DAMAGED', where, detail]]);
    await engine.close();
  }
});

test('a log in whose middle a commit is missing, and one that is behind another', async () => {
  for (const [sequences, detail] of [
    [[3, 5], 'commit 5 follows 3'],
    [[4, 5], 'begins with commit 4, expected 3'],
  ] as const) {
    const disk = new MemoryFileSystem();
    const engine = await small(disk);
    const [log] = logs(disk);
    replace(disk, log, logOf(Number(/(\d+)\.wal$/.exec(log)?.[1]), sequences));
    expect(await problems(engine)).toEqual([['LOG_DAMAGED', log, detail]]);
    await engine.close();
  }
});

test('a log behind a torn one', async () => {
  const disk = new MemoryFileSystem();
  const engine = await small(disk);
  await switchLogs(engine);
  await put(engine, 6);
  const [first, second] = logs(disk);
  expect(await problems(engine)).toEqual([]);
  disk.open(first, 'readwrite').truncate(readAll(disk, first).length - 5);
  expect(await problems(engine)).toEqual([
    ['LOG_DAMAGED', second, `begun behind the torn log ${first}`],
    ['LOG_DAMAGED', second, 'begins with commit 6, expected 5'],
  ]);
  await engine.close();
});

test('damage in the middle of a log', async () => {
  const disk = new MemoryFileSystem();
  const engine = await small(disk);
  const [log] = logs(disk);
  const bytes = readAll(disk, log);
  bytes[40] ^= 1;
  replace(disk, log, bytes);
  const [[code, where, what]] = await problems(engine);
  expect([code, where]).toEqual(['LOG_DAMAGED', log]);
  expect(what).toContain('damage before bytes that were synced');
  await engine.close();
});

test('a checkpoint that takes the logs away while they are checked is none of its problems', async () => {
  const disk = new MemoryFileSystem();
  let isSlow = false;
  const slow = new InterceptingFileSystem(disk, {
    call: ({ operation, path }, run) => {
      const isLogRead = isSlow && operation === 'read' && path.endsWith('.wal');
      const end = performance.now() + (isLogRead ? 6 : 0);
      while (performance.now() < end);
      return run();
    },
    sync: (_call, run) => run(),
  });
  const engine = await openTiny(slow, { memtableBytes: 1 << 20 });
  // Enough for a slice to end within the log.
  for (let lo = 0; lo < 200; lo++) await put(engine, lo, 3000);
  await switchLogs(engine);
  await put(engine, 6);
  expect(logs(disk)).toHaveLength(2);
  isSlow = true;
  const checking = engine.check();
  await engine.checkpoint();
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  isSlow = false;
  expect(logs(disk)).toHaveLength(0);
  expect(await checking).toEqual({ ok: true, problems: [] });
  await engine.close();
});
