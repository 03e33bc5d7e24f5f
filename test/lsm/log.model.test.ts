/**
 * The log by itself: what was appended is read back, commit by commit; a log cut off anywhere holds a
 * prefix of the commits; damage before bytes that are known to be synced is thrown.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { CHUNK_HEADER_SIZE, LOG_BLOCK_SIZE } from '../../src/lsm/log-format.ts';
import { LogReader } from '../../src/lsm/log-reader.ts';
import { type Commit, LogWriter } from '../../src/lsm/log-writer.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const hasher = await loadHasher();
const NUMBER = 12;
const PATH = '000012.wal';

/** Lengths on both sides of what fits a block. */
const length = fc.oneof(
  { weight: 6, arbitrary: fc.nat(200) },
  { weight: 1, arbitrary: fc.integer({ min: LOG_BLOCK_SIZE - 80, max: LOG_BLOCK_SIZE + 40 }) },
  { weight: 1, arbitrary: fc.nat(3 * LOG_BLOCK_SIZE) },
);
const commits: fc.Arbitrary<Commit[]> = fc
  .array(fc.record({ entries: length, attachments: length, fill: fc.nat(255) }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((list) =>
    list.map(({ entries, attachments, fill }, i) => ({
      firstSequence: 2 ** 33 + i,
      entryCount: i,
      entries: new Uint8Array(entries).fill(fill),
      attachments: new Uint8Array(attachments).fill(fill + 1),
    })),
  );

/** Writes the commits; syncs after each of which `isSynced` holds. */
async function writeLog(
  list: readonly Commit[],
  isSynced: (index: number) => boolean = () => false,
): Promise<{ disk: MemoryFileSystem; ends: number[] }> {
  const disk = new MemoryFileSystem();
  const log = new LogWriter(NUMBER, { fileSystem: disk, directory: '', hasher });
  const ends: number[] = [];
  for (const [i, commit] of list.entries()) {
    log.append(commit);
    if (i % 2 === 0 || isSynced(i)) log.write();
    if (isSynced(i)) await log.sync();
    ends.push(log.size);
  }
  log.write();
  log.close();
  return { disk, ends };
}

/** Comparing strings is much faster than comparing bytes one by one. */
function shown(list: readonly Commit[]): string[] {
  return list.map(({ firstSequence, entryCount, entries, attachments }) => {
    const hex = [entries, attachments].map((bytes) => Buffer.from(bytes).toString('base64'));
    return [firstSequence, entryCount, ...hex].join(' ');
  });
}

function readLog(disk: MemoryFileSystem): { read: string[]; end: number; isTorn: boolean } {
  const file = disk.open(PATH, 'read');
  const reader = new LogReader(file, NUMBER, hasher);
  const read: string[] = [];
  for (let commit = reader.next(); commit !== undefined; commit = reader.next()) {
    read.push(...shown([commit]));
  }
  file.close();
  return { read, end: reader.end, isTorn: reader.isTorn };
}

test('version 1 of the log is written as it always was', async () => {
  const disk = new MemoryFileSystem();
  const log = new LogWriter(NUMBER, { fileSystem: disk, directory: '', hasher });
  const [entries, attachments] = [Uint8Array.of(1, 2, 3), Uint8Array.of(1, 9)];
  log.append({ firstSequence: 2 ** 32 + 1, entryCount: 1, entries, attachments });
  log.write();
  await log.sync();
  log.appendMark();
  log.write();
  const file = disk.open(PATH, 'read');
  const bytes = new Uint8Array(file.size());
  file.readInto(bytes, 0);
  expect(Buffer.from(bytes).toString('hex')).toBe(
    'cbf4c5c2100005000c00000000000000000000005356574c0100000001000000010000005df86bec' +
      '150001000c00000000000000000000000100000001000000010000000300000001020301090d1f05' +
      '87000006000c0000004d00000000000000',
  );
});

test('a block that ends with room for a header alone, or about that, is gone on from', async () => {
  // Head 36 bytes, chunk header and commit header of the first commit.
  const before = 36 + CHUNK_HEADER_SIZE + 16;
  for (let rest = 0; rest <= CHUNK_HEADER_SIZE + 3; rest++) {
    const first = new Uint8Array(LOG_BLOCK_SIZE - rest - before).fill(7);
    const list = [first, Uint8Array.of(1, 2, 3)].map((entries, i) => ({
      firstSequence: 5 + i,
      entryCount: 1,
      entries,
      attachments: new Uint8Array(0),
    }));
    const { disk, ends } = await writeLog(list);
    expect(ends[0]).toBe(LOG_BLOCK_SIZE - rest);
    expect(readLog(disk)).toEqual({ read: shown(list), end: ends[1], isTorn: false });
  }
});

test('what was appended is read back', async () => {
  await fc.assert(
    fc.asyncProperty(commits, async (list) => {
      const { disk, ends } = await writeLog(list);
      expect(readLog(disk)).toEqual({ read: shown(list), end: ends.at(-1), isTorn: false });
    }),
  );
});

test('a log that is cut off, or whose end was never written, holds a prefix', async () => {
  await fc.assert(
    fc.asyncProperty(commits, fc.nat(), fc.boolean(), async (list, cut, isPreallocated) => {
      const { disk, ends } = await writeLog(list);
      const file = disk.open(PATH, 'readwrite');
      const bytes = new Uint8Array(file.size());
      file.readInto(bytes, 0);
      let size = cut % (bytes.length + 1);
      file.truncate(size);
      if (isPreallocated) file.truncate(size + 100_000);
      // Zeros that were cut off are there again.
      while (isPreallocated && bytes[size] === 0) size++;
      file.close();
      const { read, end, isTorn } = readLog(disk);
      const whole = ends.filter((position) => position <= size).length;
      expect(read).toEqual(shown(list.slice(0, whole)));
      expect(end).toBeLessThanOrEqual(size);
      expect(isTorn).toBe(end < size || isPreallocated);
    }),
  );
});

test('damage is thrown when later bytes prove a sync, and else ends the log', async () => {
  await fc.assert(
    fc.asyncProperty(commits, fc.nat(), fc.nat(7), fc.nat(11), async (list, at, bit, synced) => {
      const { disk, ends } = await writeLog(list, (i) => i === synced);
      const file = disk.open(PATH, 'readwrite');
      const position = at % file.size();
      const byte = new Uint8Array(1);
      file.readInto(byte, position);
      byte[0] ^= 1 << bit;
      file.write(byte, position);
      file.close();
      const isProven = synced < list.length - 1 && position < ends[synced];
      let read: string[];
      try {
        ({ read } = readLog(disk));
      } catch (error) {
        expect(isDatabaseError(error) && error.code).toBe('CORRUPTION');
        expect(isProven).toBe(true);
        return;
      }
      // Padding at the end of a block means nothing.
      const whole = ends.filter((end) => end <= position).length;
      if (read.length < list.length) expect(isProven).toBe(false);
      else
        expect(LOG_BLOCK_SIZE - (position % LOG_BLOCK_SIZE)).toBeLessThanOrEqual(CHUNK_HEADER_SIZE);
      expect(read.length).toBeGreaterThanOrEqual(whole);
      expect(read).toEqual(shown(list.slice(0, read.length)));
    }),
  );
});
