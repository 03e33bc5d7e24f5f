/** When commits count as published and synced, and what is left of the log after a failure. */
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { DatabaseError } from '../../src/errors.ts';
import { CommitLog } from '../../src/lsm/commit-log.ts';
import type { Durability } from '../../src/lsm/engine-options.ts';
import { LogReader } from '../../src/lsm/log-reader.ts';
import { nextTurn } from '../../src/lsm/slices.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const hasher = await loadHasher();
const NOTHING = new Uint8Array(0);

class Fixture {
  readonly failures: DatabaseError[] = [];
  readonly log: CommitLog;

  constructor(fileSystem: FileSystem, durability: Durability) {
    this.log = new CommitLog({
      fileSystem,
      directory: '',
      hasher,
      durability,
      sequence: 4,
      logNumber: 7,
      onFailure: (failure) => this.failures.push(failure),
    });
  }

  append(firstSequence: number): void {
    const commit = { firstSequence, entryCount: 1, entries: NOTHING, attachments: NOTHING };
    this.log.append(commit, firstSequence);
  }
}

/** First sequences of the commits in a log. */
function read(disk: MemoryFileSystem, number: number): number[] {
  const file = disk.open(`00000${number}.wal`, 'read');
  const reader = new LogReader(file, number, hasher);
  const found: number[] = [];
  for (let each = reader.next(); each !== undefined; each = reader.next()) {
    found.push(each.firstSequence);
  }
  return found;
}

test('what is published already does not wait; what is synced for one is synced for all before it', async () => {
  const disk = new MemoryFileSystem();
  const fixture = new Fixture(disk, 'none');
  const { log } = fixture;
  await log.published(4);
  for (const sequence of [5, 6]) {
    fixture.append(sequence);
    expect(log.publishedSequence).toBe(sequence);
    await log.published(sequence);
  }
  expect(disk.list('')).toEqual([]); // Nothing was written yet.
  await log.synced(6);
  await log.synced(5);
  expect(log.counts.syncs).toBe(1);
  expect(read(disk.crash(1), 7)).toEqual([5, 6]);
  await log.close();
});

test('the log before a switch is on the device before the one behind it has a byte', async () => {
  const memory = new MemoryFileSystem();
  const faulty = new FaultyFileSystem(memory);
  const fixture = new Fixture(faulty, 'none');
  fixture.append(5);
  fixture.log.switchTo(8);
  fixture.append(6);
  fixture.log.switchTo(9);
  fixture.append(7);
  await fixture.log.synced(7);
  const calls = faulty.trace.filter((call) => /^(write|sync) .*wal/.test(call));
  expect(calls).toEqual([7, 8, 9].flatMap((n) => [`write /00000${n}.wal`, `sync /00000${n}.wal`]));
  await fixture.log.close();
  expect([7, 8, 9].map((number) => read(memory, number))).toEqual([[5], [6], [7]]);
});

test('a failure of somebody else stops the log: nothing is written, all who wait hear of it', async () => {
  const disk = new MemoryFileSystem();
  const fixture = new Fixture(disk, 'sync');
  fixture.append(5);
  const waiting = [fixture.log.published(5), fixture.log.synced(5)];
  const failure = new DatabaseError('IO', 'no version');
  fixture.log.fail(failure);
  fixture.log.fail(new DatabaseError('IO', 'a later one'));
  for (const each of waiting) await expect(each).rejects.toBe(failure);
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  await expect(fixture.log.published(5)).rejects.toBe(failure);
  await expect(fixture.log.synced(5)).rejects.toBe(failure);
  expect(fixture.log.publishedSequence).toBe(4);
  await fixture.log.close();
  expect(disk.list('')).toEqual([]);
  expect(fixture.failures).toEqual([]); // It was not the log's own.
});

test('a mark that cannot be written costs nothing', async () => {
  const disk = new MemoryFileSystem();
  const faulty = new FaultyFileSystem(disk);
  const fixture = new Fixture(faulty, 'sync');
  fixture.append(5);
  await fixture.log.published(5);
  faulty.failCall(faulty.calls + 1, 'ENOSPC');
  await fixture.log.close();
  expect(faulty.faults).toBe(1);
  expect(read(disk, 7)).toEqual([5]);
});
