/**
 * The write-ahead log: blocks of 32 KiB, filled with chunks. A chunk never crosses a block; a block's last
 * bytes, when too few for a header, are zeros.
 *
 *   offset  size  field of a chunk
 *        0     4  checksum        xxHash32 of all that follows, seeded with the log number and the offset
 *        4     2  length          of the payload, in bytes
 *        6     1  type            1 full, 2 first, 3 middle, 4 last, 5 head, 6 mark; 0 is no chunk
 *        7     1  reserved        0
 *        8     4  log number
 *       12     8  synced offset   up to where the log was known to be on the device when this was framed
 *       20        payload
 *
 * A log starts with a head chunk. One commit is one full chunk, or one first, any number of middle and one
 * last. A mark has no payload: written at close, it only tells the synced offset.
 *
 *   head     magic "SVWL" u32 | format version u32 | first sequence u64
 *   commit   first sequence u64 | entry count u32 | entry length u32 | entries | attachments
 *
 * All integers are little-endian. Where reading stops, a later whole chunk whose synced offset lies behind
 * that place proves damage; without such a chunk, the rest is the torn tail of a write that nobody was
 * promised. The zeros of a preallocated file are a torn tail, too.
 */
import type { Hasher } from '../base/hasher.ts';

export const LOG_BLOCK_SIZE = 32_768;
export const CHUNK_HEADER_SIZE = 20;

export const CHUNK_CHECKSUM = 0;
export const CHUNK_LENGTH = 4;
export const CHUNK_TYPE = 6;
export const CHUNK_RESERVED = 7;
export const CHUNK_LOG_NUMBER = 8;
export const CHUNK_SYNCED_OFFSET = 12;

export const FULL = 1;
export const FIRST = 2;
export const MIDDLE = 3;
export const LAST = 4;
export const HEAD = 5;
export const MARK = 6;

export const LOG_MAGIC = 0x4c575653; // "SVWL"
export const LOG_FORMAT = 1;
export const LOG_HEAD_SIZE = 16;

/** Before a commit's entries. A commit with attachments alone still takes one sequence number. */
export const COMMIT_HEADER_SIZE = 16;

/** `chunk` is the header and the payload, `offset` where in the log it starts. */
export function chunkChecksum(
  hasher: Hasher,
  chunk: Uint8Array,
  logNumber: number,
  offset: number,
): number {
  const seed = (Math.imul(logNumber, 0x9e3779b1) + offset) >>> 0;
  return hasher.hash32(chunk.subarray(CHUNK_LENGTH), seed);
}

export function writeUint64(view: DataView, position: number, value: number): void {
  view.setUint32(position, value, true);
  view.setUint32(position + 4, value / 2 ** 32, true);
}

/** Infinity when it is no safe integer: no caller's bound lets that pass. */
export function readUint64(view: DataView, position: number): number {
  const value = view.getUint32(position + 4, true) * 2 ** 32 + view.getUint32(position, true);
  return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
}
