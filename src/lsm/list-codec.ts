/**
 * Lists of u32 ids, and edge operands, as bytes.
 *
 *   list     varint count, then the first id, then each id minus the one before minus 1
 *   operand  list of added ids, list of removed ids; no id is in both
 *
 * Ids are strictly ascending, so a set has one encoding only. All numbers are LEB128 varints. Decoders
 * bound every count by the bytes that are left, and take nothing but the whole of their input.
 */
import { assert } from '../base/assert.ts';
import { VARINT_SIZE_MAX, writeVarint } from '../base/varint.ts';

/** What a decoder returns for bytes that no encoder wrote. */
export const MALFORMED = -1;

/** Two lists of one operand, strictly ascending each, without a common id. */
export interface EdgeOperand {
  readonly added: Uint32Array;
  readonly removed: Uint32Array;
}

/** Bytes that `count` ids take at most. */
function listSizeMax(count: number): number {
  return VARINT_SIZE_MAX * (count + 1);
}

/** Grows on demand and is reused: encoders run one at a time and copy their result out. */
let scratch = new Uint8Array(4096);

function reserve(size: number): Uint8Array {
  if (scratch.length < size) scratch = new Uint8Array(2 * size);
  return scratch;
}

/** Encodes strictly ascending ids. The result is the caller's. */
export function encodeList(ids: Uint32Array): Uint8Array {
  const target = reserve(listSizeMax(ids.length));
  return target.slice(0, writeList(target, 0, ids));
}

/** Encodes edges added and removed (strictly ascending each, no id in both). */
export function encodeEdges(added: Uint32Array, removed: Uint32Array): Uint8Array {
  const target = reserve(listSizeMax(added.length) + listSizeMax(removed.length));
  return target.slice(0, writeList(target, writeList(target, 0, added), removed));
}

function writeList(target: Uint8Array, position: number, ids: Uint32Array): number {
  const count = ids.length;
  position = writeVarint(target, position, count);
  let expected = 0;
  for (let i = 0; i < count; i++) {
    const id = ids[i];
    assert(id >= expected, 'ids of a list are strictly ascending');
    position = writeVarint(target, position, id - expected);
    expected = id + 1;
  }
  return position;
}

/** The number of ids in an encoded list, or `MALFORMED`. Looks at the head alone. */
export function listCount(bytes: Uint8Array): number {
  return readCount(bytes, 0);
}

/**
 * Decodes a list into `into`, which must have room for `listCount` ids. Returns the count, or
 * `MALFORMED` when the bytes are not exactly one list or `into` is too short.
 */
export function decodeList(bytes: Uint8Array, into: Uint32Array): number {
  const count = readCount(bytes, 0);
  if (count < 0 || count > into.length) return MALFORMED;
  return readIds(bytes, countEnd(count), into, count) === bytes.length ? count : MALFORMED;
}

/** The ids of an encoded list in an array of their own, or undefined when malformed. */
export function readList(bytes: Uint8Array): Uint32Array | undefined {
  const count = readCount(bytes, 0);
  if (count < 0) return undefined;
  const ids = new Uint32Array(count);
  return readIds(bytes, countEnd(count), ids, count) === bytes.length ? ids : undefined;
}

/** Decodes an operand, or returns undefined when malformed. */
export function readEdges(bytes: Uint8Array): EdgeOperand | undefined {
  const addedCount = readCount(bytes, 0);
  if (addedCount < 0) return undefined;
  const added = new Uint32Array(addedCount);
  const middle = readIds(bytes, countEnd(addedCount), added, addedCount);
  if (middle < 0) return undefined;
  const removedCount = readCount(bytes, middle);
  if (removedCount < 0) return undefined;
  const removed = new Uint32Array(removedCount);
  const end = readIds(bytes, middle + countEnd(removedCount), removed, removedCount);
  if (end !== bytes.length || haveCommonId(added, removed)) return undefined;
  return { added, removed };
}

/** Whether two strictly ascending lists share an id. */
function haveCommonId(a: Uint32Array, b: Uint32Array): boolean {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) return true;
    if (a[i] < b[j]) i++;
    else j++;
  }
  return false;
}

/** Bytes of the count itself. Only the shortest form is accepted, so the value tells. */
function countEnd(count: number): number {
  return count < 0x80 ? 1 : count < 0x4000 ? 2 : count < 0x200000 ? 3 : count < 0x10000000 ? 4 : 5;
}

/** An id takes a byte at least, so a count larger than the bytes left is damage. */
function readCount(bytes: Uint8Array, position: number): number {
  let count = 0;
  let scale = 1;
  const start = position;
  for (let i = 0; i < VARINT_SIZE_MAX; i++) {
    if (position >= bytes.length) return MALFORMED;
    const byte = bytes[position++];
    count += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      const isShortest = position - start === countEnd(count);
      return isShortest && count <= bytes.length - position ? count : MALFORMED;
    }
    scale *= 128;
  }
  return MALFORMED;
}

/** Reads `count` ids at `position`; returns the position behind them, or `MALFORMED`. */
function readIds(bytes: Uint8Array, position: number, into: Uint32Array, count: number): number {
  const length = bytes.length;
  let expected = 0;
  for (let i = 0; i < count; i++) {
    if (position >= length) return MALFORMED;
    let byte = bytes[position++];
    let delta = byte & 0x7f;
    let scale = 128;
    while (byte >= 0x80) {
      // The fifth byte is the last that a u32 can have; the last byte is zero in no shortest form.
      if (position >= length || scale > 0x10000000) return MALFORMED;
      byte = bytes[position++];
      if (byte === 0) return MALFORMED;
      delta += (byte & 0x7f) * scale;
      scale *= 128;
    }
    const id = expected + delta;
    if (id > 0xffffffff) return MALFORMED;
    into[i] = id;
    expected = id + 1;
  }
  return position;
}
