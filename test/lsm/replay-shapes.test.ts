/**
 * Logs that are whole by themselves and do not fit what they are beside: the tables, each other, or the trees
 * that were given. Opening says which, and where.
 */
import { expect, test } from 'vitest';
import { nextTurn, PLAIN } from '../../bench/soak/engine-model.ts';
import { loadHasher } from '../../src/base/hasher.ts';
import { fileName } from '../../src/lsm/file-names.ts';
import { type Commit, LogWriter } from '../../src/lsm/log-writer.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { InterceptingFileSystem } from '../../src/storage/intercepting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { DIRECTORY, openTiny } from './engine-harness.ts';

const hasher = await loadHasher();
const NOTHING = new Uint8Array(0);

/** A commit of as many entries, keys from its sequence on. */
function commit(firstSequence: number, count = 1, changes: Partial<Commit> = {}): Commit {
  const batch = new WriteBatch();
  for (let i = 0; i < count; i++) batch.set(PLAIN, 0, firstSequence + i, Uint8Array.of(i));
  const entries = batch.entryBytes();
  return { firstSequence, entryCount: count, entries, attachments: NOTHING, ...changes };
}

/** Sequences 1 to 4 are in tables. */
async function withTables(): Promise<{ disk: MemoryFileSystem; nextNumber: number }> {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk);
  const batch = new WriteBatch();
  for (let lo = 1; lo <= 4; lo++) batch.set(PLAIN, 0, lo, Uint8Array.of(0));
  engine.write(batch);
  await engine.checkpoint();
  await engine.close();
  await nextTurn();
  const numbers = disk.list(DIRECTORY).map((name) => Number.parseInt(name, 10) || 0);
  return { disk, nextNumber: Math.max(...numbers) + 1 };
}

function addLog(disk: MemoryFileSystem, number: number, ...commits: readonly Commit[]): void {
  const log = new LogWriter(number, { fileSystem: disk, directory: DIRECTORY, hasher });
  for (const each of commits) log.append(each);
  log.write();
  log.close();
}

test('commits behind the tables are replayed, of those before them the attachments alone', async () => {
  const { disk, nextNumber } = await withTables();
  const attachments = Uint8Array.of(1, 7);
  addLog(
    disk,
    nextNumber,
    commit(3, 2, { attachments }),
    commit(5, 2),
    commit(7, 1, { attachments }),
  );
  addLog(disk, nextNumber + 1, commit(8));
  const replayed: [number, number[]][] = [];
  const replay = (sequence: number, bytes: Uint8Array): number =>
    replayed.push([sequence, [...bytes]]);
  await using engine = await openTiny(disk, { replay });
  expect(engine.appliedSequence).toBe(8);
  expect(replayed).toEqual([
    [4, [7]],
    [7, [7]],
  ]);
  expect([3, 4, 5, 6, 8].map((lo) => engine.get(PLAIN, 0, lo)?.[0])).toEqual([0, 0, 0, 1, 0]);
});

const half = commit(5, 2).entries.subarray(0, 20);

test.each<[message: string, logs: Commit[][]]>([
  ['commit 7 where 6 was expected', [[commit(5), commit(7)]]],
  ['commit 5 where 6 was expected', [[commit(5), commit(5)]]],
  ['log begins with commit 6, expected 5', [[commit(6)]]],
  ['log begins with commit 7, expected 6', [[commit(5)], [commit(7)]]],
  ['log begins with commit 5, expected 6', [[commit(5)], [commit(5)]]],
  ['malformed commit', [[commit(5, 2, { entryCount: 3 })]]],
  ['malformed commit', [[commit(5, 2, { entries: half })]]],
  ['malformed commit', [[commit(5, 1, { attachments: Uint8Array.of(9, 1) })]]],
  ['half of commit 4 is in tables', [[commit(4, 2)]]],
  ['logs end before commit 4, entries up to 4 are in tables', [[commit(3)]]],
])('%s', async (message, logs) => {
  const { disk, nextNumber } = await withTables();
  for (const [i, commits] of logs.entries()) addLog(disk, nextNumber + i, ...commits);
  for (const readOnly of [true, false]) {
    const before = disk.list(DIRECTORY);
    await expect(openTiny(disk, { readOnly })).rejects.toMatchObject({
      code: 'CORRUPTION',
      message: expect.stringContaining(message),
      location: { file: expect.stringMatching(/\.wal$/) },
    });
    expect(disk.list(DIRECTORY)).toEqual(before);
  }
});

test('a torn log behind which another has begun', async () => {
  const { disk, nextNumber } = await withTables();
  addLog(disk, nextNumber, commit(5), commit(6));
  const torn = `${DIRECTORY}/${fileName('wal', nextNumber)}`;
  const file = disk.open(torn, 'readwrite');
  file.truncate(file.size() - 3);
  file.close();
  addLog(disk, nextNumber + 1, commit(7));
  await expect(openTiny(disk)).rejects.toMatchObject({
    message: expect.stringContaining('a torn log that is not the newest'),
    location: { file: torn },
  });
  disk.remove(`${DIRECTORY}/${fileName('wal', nextNumber + 1)}`);
  await using engine = await openTiny(disk);
  expect(engine.appliedSequence).toBe(5);
});

test('entries of a tree that was not given are named, with the log', async () => {
  const { disk, nextNumber } = await withTables();
  const batch = new WriteBatch();
  batch.set(77, 0, 1, NOTHING);
  addLog(disk, nextNumber, { ...commit(5), entries: batch.entryBytes() });
  await expect(openTiny(disk)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/wal has entries of tree 77, which was not given$/),
  });
});

test('a replay in slices is the replay at once', async () => {
  const { disk, nextNumber } = await withTables();
  const count = 300;
  // Blocks of the log that take longer to read than a slice.
  const value = new Uint8Array(2000);
  const commits = Array.from({ length: count }, (_, i) => {
    const batch = new WriteBatch();
    batch.set(PLAIN, 0, 5 + i, value.fill(i));
    return { ...commit(5 + i), entries: batch.entryBytes().slice() };
  });
  addLog(disk, nextNumber, ...commits);
  const slow = new InterceptingFileSystem(disk, {
    call: ({ operation, path }, run) => {
      const end = performance.now() + (operation === 'read' && path.endsWith('.wal') ? 6 : 0);
      while (performance.now() < end);
      return run();
    },
    sync: (_call, run) => run(),
  });
  let turns = 0;
  const counting = setInterval(() => turns++);
  await using engine = await openTiny(slow, { memtableBytes: 1 << 20, readOnly: true });
  clearInterval(counting);
  expect(turns).toBeGreaterThan(2);
  expect(engine.appliedSequence).toBe(4 + count);
  for (let i = 0; i < count; i++) expect(engine.get(PLAIN, 0, 5 + i)?.[1999]).toBe(i & 0xff);
});
