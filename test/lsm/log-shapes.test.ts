/**
 * Logs of whole chunks that cannot be: what each of reading, repair and dump makes of them. Their checksums
 * are right, so that only the rules of the format stand against them.
 */
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { dumpLog } from '../../src/lsm/dump/dump-log.ts';
import {
  CHUNK_CHECKSUM,
  CHUNK_HEADER_SIZE,
  CHUNK_LENGTH,
  CHUNK_LOG_NUMBER,
  CHUNK_TYPE,
  chunkChecksum,
  FIRST,
  FULL,
  HEAD,
  LAST,
  LOG_BLOCK_SIZE,
  LOG_FORMAT,
  LOG_MAGIC,
  MARK,
  MIDDLE,
  writeUint64,
} from '../../src/lsm/log-format.ts';
import { LogReader } from '../../src/lsm/log-reader.ts';
import { salvageLog } from '../../src/lsm/repair/salvage-log.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const hasher = await loadHasher();
const NUMBER = 12;

interface Chunk {
  readonly type: number;
  readonly payload: Uint8Array;
}

function chunk(type: number, payload: Uint8Array = new Uint8Array(0)): Chunk {
  return { type, payload };
}

/** The chunks one behind the other, framed as a writer frames them. */
function logOf(...chunks: readonly Chunk[]): Uint8Array {
  const bytes = new Uint8Array(4 * LOG_BLOCK_SIZE);
  const view = new DataView(bytes.buffer);
  let position = 0;
  for (const { type, payload } of chunks) {
    const rest = LOG_BLOCK_SIZE - (position % LOG_BLOCK_SIZE);
    if (rest <= CHUNK_HEADER_SIZE) position += rest;
    const end = position + CHUNK_HEADER_SIZE + payload.length;
    view.setUint16(position + CHUNK_LENGTH, payload.length, true);
    view.setUint8(position + CHUNK_TYPE, type);
    view.setUint32(position + CHUNK_LOG_NUMBER, NUMBER, true);
    bytes.set(payload, position + CHUNK_HEADER_SIZE);
    const checksum = chunkChecksum(hasher, bytes.subarray(position, end), NUMBER, position);
    view.setUint32(position + CHUNK_CHECKSUM, checksum, true);
    position = end;
  }
  return bytes.slice(0, position);
}

function head(magic: number = LOG_MAGIC, format: number = LOG_FORMAT): Chunk {
  const payload = new Uint8Array(16);
  const view = new DataView(payload.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, format, true);
  writeUint64(view, 8, 5);
  return chunk(HEAD, payload);
}

/** The payload of a commit; `changes` make it one that cannot be. */
function commit(
  firstSequence: number,
  changes: { entryCount?: number; entryLength?: number; attachments?: Uint8Array } = {},
): Uint8Array {
  const batch = new WriteBatch();
  batch.set(1, 0, 7, Uint8Array.of(9));
  const entries = batch.entryBytes();
  const { entryCount = 1, entryLength = entries.length } = changes;
  const { attachments = new Uint8Array(0) } = changes;
  const payload = new Uint8Array(16 + entries.length + attachments.length);
  const view = new DataView(payload.buffer);
  writeUint64(view, 0, firstSequence);
  view.setUint32(8, entryCount, true);
  view.setUint32(12, entryLength, true);
  payload.set(entries, 16);
  payload.set(attachments, 16 + entries.length);
  return payload;
}

/** First sequences of the commits that a reader gives, then what it throws. */
function read(bytes: Uint8Array): (number | string)[] {
  const disk = new MemoryFileSystem();
  const file = disk.open('000012.wal', 'create');
  file.write(bytes, 0);
  const reader = new LogReader(file, NUMBER, hasher);
  const found: (number | string)[] = [];
  try {
    for (let each = reader.next(); each !== undefined; each = reader.next()) {
      found.push(each.firstSequence);
    }
  } catch (error) {
    found.push((error as Error).message);
  }
  return found;
}

function salvaged(bytes: Uint8Array): number[] {
  const { commits } = salvageLog({ bytes, number: NUMBER, hasher });
  return commits.map(({ firstSequence }) => firstSequence);
}

function damagedLines(bytes: Uint8Array): string[] {
  return [...dumpLog({ bytes, number: NUMBER, hasher })].filter((line) => /DAMAG|tail/.test(line));
}

const whole = commit(5);
const [start, end] = [whole.subarray(0, 20), whole.subarray(20)];

test('these can be', () => {
  const bytes = logOf(head(), chunk(FULL, whole), chunk(FIRST, start), chunk(LAST, end));
  expect([read(bytes), salvaged(bytes), damagedLines(bytes)]).toEqual([[5, 5], [5, 5], []]);
});

test.each<[message: string, found: number[], chunks: Chunk[]]>([
  ['a log without a head', [], [chunk(FULL, whole)]],
  ['a log head out of place', [5], [head(), chunk(FULL, whole), head()]],
  ['a log head out of place', [], [chunk(HEAD, new Uint8Array(15))]],
  ['not a write-ahead log: bad magic', [], [head(LOG_MAGIC + 1)]],
  ['log format 2 in 000012.wal, expected 1', [], [head(LOG_MAGIC, 2)]],
  ['a commit that does not start or end', [], [head(), chunk(LAST, end)]],
  ['a commit that does not start or end', [], [head(), chunk(FIRST, start), chunk(FULL, whole)]],
  ['a mark within a commit', [], [head(), chunk(FIRST, start), chunk(MARK)]],
  ['a commit without a header', [], [head(), chunk(FULL, new Uint8Array(15))]],
  ['impossible lengths', [], [head(), chunk(FULL, commit(5, { entryLength: 99 }))]],
  ['impossible lengths', [], [head(), chunk(FULL, commit(2 ** 53))]],
])('reading throws, and gives what stands before: %s', (message, found, chunks) => {
  const result = read(logOf(...chunks));
  expect(result.slice(0, -1)).toEqual(found);
  expect(result.at(-1)).toContain(message);
});

test.each<[what: string, broken: Chunk[]]>([
  ['a middle without a beginning', [chunk(MIDDLE, start)]],
  ['an end without a beginning', [chunk(LAST, end)]],
  ['an end that would be a commit by itself', [chunk(LAST, commit(6))]],
  ['a beginning without an end', [chunk(FIRST, start)]],
  ['a beginning and a middle without an end', [chunk(FIRST, start), chunk(MIDDLE, end)]],
  ['a commit shorter than its header', [chunk(FULL, new Uint8Array(15))]],
  ['more entry bytes than there are', [chunk(FULL, commit(6, { entryLength: 99 }))]],
  ['no sequence', [chunk(FULL, commit(2 ** 53))]],
  ['another number of entries', [chunk(FULL, commit(6, { entryCount: 2 }))]],
  ['half an entry', [chunk(FULL, commit(6, { entryLength: 5 }))]],
  ['half an attachment', [chunk(FULL, commit(6, { attachments: Uint8Array.of(9, 1) }))]],
])('repair goes on behind %s', (_what, broken) => {
  const bytes = logOf(head(), chunk(FULL, whole), ...broken, chunk(FULL, commit(7)));
  const { commits, gaps, tail } = salvageLog({ bytes, number: NUMBER, hasher });
  expect(commits.map(({ firstSequence }) => firstSequence)).toEqual([5, 7]);
  expect(commits[1].entries).toEqual(commits[0].entries);
  const from = logOf(head(), chunk(FULL, whole)).length;
  const to = logOf(head(), chunk(FULL, whole), ...broken).length;
  expect(gaps).toEqual([{ from, to }]);
  expect(tail).toBeUndefined();
});

test('a chunk that says that it is longer than its block is none', () => {
  const bytes = logOf(head(), chunk(FULL, whole), chunk(FULL, commit(6)));
  const second = logOf(head(), chunk(FULL, whole)).length;
  new DataView(bytes.buffer).setUint16(second + CHUNK_LENGTH, 60_000, true);
  expect([read(bytes), salvaged(bytes)]).toEqual([[5], [5]]);
  expect(damagedLines(bytes)).toEqual([
    `tail: no whole chunk in bytes ${second} to ${bytes.length}`,
  ]);
});

test('padding up to the end of a block is no damage, to any of them, and other bytes there are', () => {
  const before = logOf(head()).length + CHUNK_HEADER_SIZE;
  const attached = LOG_BLOCK_SIZE - before - whole.length - 10;
  const attachments = new Uint8Array(attached).fill(1);
  // One attachment that fills the block up to its last ten bytes: its length takes three.
  attachments.set([
    ((attached - 3) & 0x7f) | 0x80,
    (((attached - 3) >> 7) & 0x7f) | 0x80,
    (attached - 3) >> 14,
  ]);
  const chunks = [head(), chunk(FULL, commit(5, { attachments })), chunk(FULL, commit(6))];
  const bytes = logOf(...chunks);
  expect(logOf(...chunks.slice(0, 2))).toHaveLength(LOG_BLOCK_SIZE - 10);
  expect([read(bytes), salvaged(bytes), damagedLines(bytes)]).toEqual([[5, 6], [5, 6], []]);
  expect(salvageLog({ bytes, number: NUMBER, hasher }).gaps).toEqual([]);
  bytes[LOG_BLOCK_SIZE - 3] = 1;
  expect(damagedLines(bytes)).toEqual([
    `DAMAGED no whole chunk in bytes ${LOG_BLOCK_SIZE - 10} to ${LOG_BLOCK_SIZE}`,
  ]);
});

test('a dump shows a commit that cannot be in its place, and goes on', () => {
  const broken = chunk(FULL, commit(6, { entryCount: 2 }));
  const bytes = logOf(head(), broken, chunk(FULL, commit(7)));
  const lines = [...dumpLog({ bytes, number: NUMBER, hasher })];
  expect(lines.filter((line) => line.startsWith('DAMAGED'))).toEqual(['DAMAGED malformed commit']);
  expect(lines.at(-1)).toBe(`    tree 1 (0, 7) #7 SET 1 bytes 09`);
});
