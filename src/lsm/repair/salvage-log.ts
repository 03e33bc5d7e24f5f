/**
 * Every whole commit of a log, also those behind damage: where reading stops, the next chunk that passes its
 * checksum, which is seeded with the log's number and the offset, is looked for byte by byte.
 */
import type { Hasher } from '../../base/hasher.ts';
import {
  CHUNK_CHECKSUM,
  CHUNK_HEADER_SIZE,
  CHUNK_LENGTH,
  CHUNK_LOG_NUMBER,
  CHUNK_RESERVED,
  CHUNK_SYNCED_OFFSET,
  CHUNK_TYPE,
  COMMIT_HEADER_SIZE,
  chunkChecksum,
  FIRST,
  FULL,
  LAST,
  LOG_BLOCK_SIZE,
  MARK,
  MIDDLE,
  readUint64,
} from '../log-format.ts';
import type { Commit } from '../log-writer.ts';
import { BatchReader, decodeAttachments } from '../write-batch.ts';

export interface LogBytes {
  readonly bytes: Uint8Array;
  readonly number: number;
  readonly hasher: Hasher;
}

/** Bytes of no whole commit. */
export interface LogGap {
  readonly from: number;
  readonly to: number;
}

export interface SalvagedLog {
  /** In the order of the file. */
  readonly commits: readonly Commit[];
  /** With a whole chunk behind each. */
  readonly gaps: readonly LogGap[];
  /** What follows the last whole chunk: torn, or damaged. */
  readonly tail: LogGap | undefined;
  /** Whether any chunk is whole. */
  readonly isBegun: boolean;
}

export function salvageLog(log: LogBytes): SalvagedLog {
  const size = log.bytes.length;
  const commits: Commit[] = [];
  const gaps: LogGap[] = [];
  /** Payloads of the commit that is being gathered. */
  let parts: Uint8Array[] = [];
  let expected = 0;
  /** Behind the last whole commit, head or mark. */
  let end = 0;
  let isLost = false;
  for (const { type, start, payload } of chunks(log)) {
    const goesOn = type === MIDDLE || type === LAST;
    const fits = start === expected && goesOn === parts.length > 0;
    if (!fits) {
      parts = [];
      isLost = true;
    }
    const chunkEnd = start + CHUNK_HEADER_SIZE + payload.length;
    expected = nextChunk(chunkEnd, size);
    if (goesOn && !fits) continue;
    if (type <= LAST) parts.push(payload);
    if (type === FIRST || type === MIDDLE) continue;
    const commit = type <= LAST ? decodeCommit(parts) : undefined;
    parts = [];
    if (type <= LAST && commit === undefined) {
      isLost = true;
      continue;
    }
    if (isLost) gaps.push({ from: end, to: start });
    if (commit !== undefined) commits.push(commit);
    isLost = false;
    end = chunkEnd;
  }
  const tail = end < size ? { from: end, to: size } : undefined;
  return { commits, gaps, tail, isBegun: end > 0 };
}

export interface Chunk {
  readonly type: number;
  readonly start: number;
  readonly payload: Uint8Array;
  /** Up to where the log was known to be on the device. */
  readonly syncedOffset: number;
}

/** The whole chunks, wherever they are. */
export function* chunks(log: LogBytes): Generator<Chunk> {
  const { bytes } = log;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  while (position + CHUNK_HEADER_SIZE <= bytes.length) {
    const length = chunkLength(log, view, position);
    if (length < 0) {
      position++;
      continue;
    }
    const payloadStart = position + CHUNK_HEADER_SIZE;
    const payload = bytes.subarray(payloadStart, payloadStart + length);
    const type = view.getUint8(position + CHUNK_TYPE);
    const syncedOffset = readUint64(view, position + CHUNK_SYNCED_OFFSET);
    yield { type, start: position, payload, syncedOffset };
    position = payloadStart + length;
  }
}

/** Length of the payload of the whole chunk at `start`, or -1. */
function chunkLength({ bytes, number, hasher }: LogBytes, view: DataView, start: number): number {
  const blockEnd = Math.min(start - (start % LOG_BLOCK_SIZE) + LOG_BLOCK_SIZE, bytes.length);
  const room = blockEnd - start - CHUNK_HEADER_SIZE;
  if (room < 0 || view.getUint32(start + CHUNK_LOG_NUMBER, true) !== number) return -1;
  const type = view.getUint8(start + CHUNK_TYPE);
  const length = view.getUint16(start + CHUNK_LENGTH, true);
  if (type < FULL || type > MARK || view.getUint8(start + CHUNK_RESERVED) !== 0) return -1;
  if (length > room) return -1;
  const chunk = bytes.subarray(start, start + CHUNK_HEADER_SIZE + length);
  const checksum = chunkChecksum(hasher, chunk, number, start);
  return checksum === view.getUint32(start + CHUNK_CHECKSUM, true) ? length : -1;
}

/** Where a chunk behind `end` starts: the rest of a block that is too short is padding. */
function nextChunk(end: number, size: number): number {
  const rest = LOG_BLOCK_SIZE - (end % LOG_BLOCK_SIZE);
  return rest <= CHUNK_HEADER_SIZE && end + rest < size ? end + rest : end;
}

export function decodeCommit(parts: readonly Uint8Array[]): Commit | undefined {
  const payload = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    payload.set(part, position);
    position += part.length;
  }
  if (payload.length < COMMIT_HEADER_SIZE) return undefined;
  const view = new DataView(payload.buffer);
  const firstSequence = readUint64(view, 0);
  const entryCount = view.getUint32(8, true);
  const entriesEnd = COMMIT_HEADER_SIZE + view.getUint32(12, true);
  if (entriesEnd > payload.length || !Number.isSafeInteger(firstSequence)) return undefined;
  const entries = payload.subarray(COMMIT_HEADER_SIZE, entriesEnd);
  const attachments = payload.subarray(entriesEnd);
  const reader = new BatchReader(entries);
  let count = 0;
  while (reader.next()) count++;
  const isWhole = !reader.isDamaged && count === entryCount;
  if (!isWhole || decodeAttachments(attachments) === undefined) return undefined;
  return { firstSequence, entryCount, entries, attachments };
}
