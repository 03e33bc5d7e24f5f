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
import { VARINT_SIZE_MAX, varintSize, writeVarint } from '../base/varint.ts';
import { IdList } from './id-set.ts';
import { copyValue } from './value-copy.ts';

/** What a decoder returns for bytes that no encoder wrote. */
export const MALFORMED = -1;

/** Two lists of one operand, strictly ascending each, without a common id. */
export interface EdgeOperand {
  readonly added: Uint32Array;
  readonly removed: Uint32Array;
}

/** Bytes that `count` ids take at most. */
export function listSizeMax(count: number): number {
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
  return copyValue(target, 0, writeList(target, 0, ids, ids.length));
}

/** Encodes edges added and removed (strictly ascending each, no id in both). */
export function encodeEdges(added: Uint32Array, removed: Uint32Array): Uint8Array {
  const target = reserve(listSizeMax(added.length) + listSizeMax(removed.length));
  const middle = writeList(target, 0, added, added.length);
  return copyValue(target, 0, writeList(target, middle, removed, removed.length));
}

/** As `encodeList`; the result is borrowed until the next list is encoded. */
export function borrowList(list: IdList): Uint8Array {
  const target = reserve(listSizeMax(list.count));
  return target.subarray(0, writeList(target, 0, list.ids, list.count));
}

/** As `encodeEdges`; the result is borrowed until the next list is encoded. */
export function borrowEdges(added: IdList, removed: IdList): Uint8Array {
  const target = reserve(listSizeMax(added.count) + listSizeMax(removed.count));
  const middle = writeList(target, 0, added.ids, added.count);
  return target.subarray(0, writeList(target, middle, removed.ids, removed.count));
}

/** As `encodeList`. */
export function storeList(list: IdList): Uint8Array {
  const target = reserve(listSizeMax(list.count));
  return copyValue(target, 0, writeList(target, 0, list.ids, list.count));
}

/** Encodes a list at the start of `target`, which has room for `listSizeMax`; returns its length. */
export function writeListTo(target: Uint8Array, list: IdList): number {
  return writeList(target, 0, list.ids, list.count);
}

/** As `encodeEdges`. */
export function storeEdges(added: IdList, removed: IdList): Uint8Array {
  const target = reserve(listSizeMax(added.count) + listSizeMax(removed.count));
  const middle = writeList(target, 0, added.ids, added.count);
  return copyValue(target, 0, writeList(target, middle, removed.ids, removed.count));
}

function writeList(target: Uint8Array, position: number, ids: Uint32Array, count: number): number {
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

/** The number of ids in the list `bytes[0, end)`, or `MALFORMED`. Looks at the head alone. */
export function listCount(bytes: Uint8Array, end: number = bytes.length): number {
  return readCount(bytes, 0, end);
}

/**
 * Decodes the list `bytes[0, end)` into `into`, which must have room for `listCount` ids. Returns the
 * count, or `MALFORMED` when the bytes are not exactly one list or `into` is too short.
 */
export function decodeList(
  bytes: Uint8Array,
  into: Uint32Array,
  end: number = bytes.length,
): number {
  const count = readCount(bytes, 0, end);
  if (count < 0 || count > into.length) return MALFORMED;
  return readIds(bytes, varintSize(count), end, into, count) === end ? count : MALFORMED;
}

/** The ids of an encoded list in an array of their own, or undefined when malformed. */
export function readList(bytes: Uint8Array): Uint32Array | undefined {
  const { length } = bytes;
  const count = readCount(bytes, 0, length);
  if (count < 0) return undefined;
  const ids = new Uint32Array(count);
  return readIds(bytes, varintSize(count), length, ids, count) === length ? ids : undefined;
}

/** Decodes an operand, or returns undefined when malformed. */
export function readEdges(bytes: Uint8Array): EdgeOperand | undefined {
  const added = new IdList();
  const removed = new IdList();
  if (!loadEdges(bytes, 0, bytes.length, added, removed)) return undefined;
  return {
    added: added.ids.slice(0, added.count),
    removed: removed.ids.slice(0, removed.count),
  };
}

/** As `readList` of `bytes[start, end)`, into a list that is reused. False when malformed. */
export function loadList(bytes: Uint8Array, start: number, end: number, list: IdList): boolean {
  return loadListAt(bytes, start, end, list) === end;
}

/** As `readEdges` of `bytes[start, end)`, into lists that are reused. False when malformed. */
export function loadEdges(
  bytes: Uint8Array,
  start: number,
  end: number,
  added: IdList,
  removed: IdList,
): boolean {
  const middle = loadListAt(bytes, start, end, added);
  if (middle < 0 || loadListAt(bytes, middle, end, removed) !== end) return false;
  return !haveCommonId(added, removed);
}

/** Returns the position behind the list, or `MALFORMED`. */
function loadListAt(bytes: Uint8Array, position: number, end: number, list: IdList): number {
  const count = readCount(bytes, position, end);
  if (count < 0) return MALFORMED;
  list.reserve(count);
  list.count = count;
  return readIds(bytes, position + varintSize(count), end, list.ids, count);
}

function haveCommonId(a: IdList, b: IdList): boolean {
  const { ids: left, count: leftCount } = a;
  const { ids: right, count: rightCount } = b;
  let i = 0;
  let j = 0;
  while (i < leftCount && j < rightCount) {
    if (left[i] === right[j]) return true;
    if (left[i] < right[j]) i++;
    else j++;
  }
  return false;
}

/** An id takes a byte at least, so a count larger than the bytes left is damage. */
function readCount(bytes: Uint8Array, position: number, end: number): number {
  let count = 0;
  let scale = 1;
  const start = position;
  for (let i = 0; i < VARINT_SIZE_MAX; i++) {
    if (position >= end) return MALFORMED;
    const byte = bytes[position++];
    count += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      // Only the shortest form is taken, so that readers know the size of a count from its value.
      const isShortest = position - start === varintSize(count);
      return isShortest && count <= end - position ? count : MALFORMED;
    }
    scale *= 128;
  }
  return MALFORMED;
}

/** Reads `count` ids at `position`; returns the position behind them, or `MALFORMED`. */
function readIds(
  bytes: Uint8Array,
  position: number,
  end: number,
  into: Uint32Array,
  count: number,
): number {
  let expected = 0;
  for (let i = 0; i < count; i++) {
    if (position >= end) return MALFORMED;
    let byte = bytes[position++];
    let delta = byte & 0x7f;
    let scale = 128;
    while (byte >= 0x80) {
      // The fifth byte is the last that a u32 can have; the last byte is zero in no shortest form.
      if (position >= end || scale > 0x10000000) return MALFORMED;
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
