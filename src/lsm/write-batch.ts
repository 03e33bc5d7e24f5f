/**
 * The entries of one commit, already in the form in which the log keeps them.
 *
 *   entry        kind u8 | tree u8 | key lo u32 | key hi u32 | value length varint | value
 *   attachment   length varint | bytes
 *
 * Little-endian, unaligned. Entries and attachments are two runs of bytes: the memtable copies the first
 * one as it is and lets its nodes point into it; the second one goes to the log alone.
 */
import { assert } from '../base/assert.ts';
import { VARINT_SIZE_MAX, VarintReader, writeVarint } from '../base/varint.ts';
import { DELETE, type EntryKind, MERGE, SET } from './entry.ts';

const ENTRY_HEAD_SIZE = 10;
const EMPTY = new Uint8Array(0);
const FIRST_CAPACITY = 256;

/** Values are copied on call: the caller may reuse them. A batch may be cleared and filled again. */
export class WriteBatch {
  #entries: Uint8Array = EMPTY;
  #entriesEnd = 0;
  #entryCount = 0;
  #attachments: Uint8Array = EMPTY;
  #attachmentsEnd = 0;

  get entryCount(): number {
    return this.#entryCount;
  }

  /** Bytes that the batch takes in the log, framing aside. */
  get byteSize(): number {
    return this.#entriesEnd + this.#attachmentsEnd;
  }

  set(tree: number, hi: number, lo: number, value: Uint8Array): void {
    this.#add(SET, tree, hi, lo, value);
  }

  merge(tree: number, hi: number, lo: number, operand: Uint8Array): void {
    this.#add(MERGE, tree, hi, lo, operand);
  }

  delete(tree: number, hi: number, lo: number): void {
    this.#add(DELETE, tree, hi, lo, EMPTY);
  }

  /** Opaque bytes that only the log keeps; replay hands them back in order, after the entries. */
  attach(bytes: Uint8Array): void {
    const end = this.#attachmentsEnd;
    this.#attachments = withRoom(this.#attachments, end, VARINT_SIZE_MAX + bytes.length);
    const start = writeVarint(this.#attachments, end, bytes.length);
    this.#attachments.set(bytes, start);
    this.#attachmentsEnd = start + bytes.length;
  }

  /** Keeps the memory for the next use. */
  clear(): void {
    this.#entriesEnd = 0;
    this.#entryCount = 0;
    this.#attachmentsEnd = 0;
  }

  /** The encoded entries: a view, valid until the batch changes. */
  entryBytes(): Uint8Array {
    return this.#entries.subarray(0, this.#entriesEnd);
  }

  /** The encoded attachments: a view, valid until the batch changes. */
  attachmentBytes(): Uint8Array {
    return this.#attachments.subarray(0, this.#attachmentsEnd);
  }

  #add(kind: EntryKind, tree: number, hi: number, lo: number, value: Uint8Array): void {
    assert(tree >>> 0 === tree && tree <= 255, 'a tree id fits one byte');
    assert(hi >>> 0 === hi && lo >>> 0 === lo, 'a key is two u32');
    // A string has a length too, and would be stored as zeros.
    assert(value.BYTES_PER_ELEMENT === 1, 'a value is bytes');
    const position = this.#entriesEnd;
    const length = value.length;
    const bytes = withRoom(this.#entries, position, ENTRY_HEAD_SIZE + VARINT_SIZE_MAX + length);
    this.#entries = bytes;
    bytes[position] = kind;
    bytes[position + 1] = tree;
    writeUint32(bytes, position + 2, lo);
    writeUint32(bytes, position + 6, hi);
    const start = writeVarint(bytes, position + ENTRY_HEAD_SIZE, length);
    bytes.set(value, start);
    this.#entriesEnd = start + length;
    this.#entryCount++;
  }
}

/**
 * Walks encoded entries that may come from a disk. The fields describe the entry that the last `next`
 * returned true for; `isDamaged` says whether the walk ended early.
 */
export class BatchReader {
  readonly #reader: VarintReader;
  kind: EntryKind = SET;
  tree = 0;
  hi = 0;
  lo = 0;
  /** Position and length of the value within the bytes. */
  valueStart = 0;
  valueLength = 0;
  isDamaged = false;

  constructor(bytes: Uint8Array) {
    this.#reader = new VarintReader(bytes);
  }

  next(): boolean {
    const reader = this.#reader;
    const { bytes, position } = reader;
    if (position === bytes.length) return false;
    const kind = bytes[position];
    if (position + ENTRY_HEAD_SIZE > bytes.length || kind < SET || kind > DELETE) {
      return this.#damaged();
    }
    reader.position = position + ENTRY_HEAD_SIZE;
    const length = reader.next();
    if (length < 0 || length > bytes.length - reader.position) return this.#damaged();
    this.kind = kind as EntryKind;
    this.tree = bytes[position + 1];
    this.lo = readUint32(bytes, position + 2);
    this.hi = readUint32(bytes, position + 6);
    this.valueStart = reader.position;
    this.valueLength = length;
    reader.position += length;
    return true;
  }

  #damaged(): false {
    this.isDamaged = true;
    return false;
  }
}

/** The attachments in their order, as views; undefined when the bytes are not whole attachments. */
export function decodeAttachments(bytes: Uint8Array): Uint8Array[] | undefined {
  const reader = new VarintReader(bytes);
  const attachments: Uint8Array[] = [];
  while (reader.position < bytes.length) {
    const length = reader.next();
    if (length < 0 || length > bytes.length - reader.position) return undefined;
    attachments.push(bytes.subarray(reader.position, reader.position + length));
    reader.position += length;
  }
  return attachments;
}

/** `bytes`, or a larger copy of its first `used` bytes with room for `more`. */
function withRoom(bytes: Uint8Array, used: number, more: number): Uint8Array {
  if (used + more <= bytes.length) return bytes;
  const grown = new Uint8Array(Math.max(FIRST_CAPACITY, 2 * bytes.length, used + more));
  grown.set(bytes.subarray(0, used));
  return grown;
}

function writeUint32(bytes: Uint8Array, position: number, value: number): void {
  bytes[position] = value;
  bytes[position + 1] = value >>> 8;
  bytes[position + 2] = value >>> 16;
  bytes[position + 3] = value >>> 24;
}

function readUint32(bytes: Uint8Array, position: number): number {
  return (
    (bytes[position] |
      (bytes[position + 1] << 8) |
      (bytes[position + 2] << 16) |
      (bytes[position + 3] << 24)) >>>
    0
  );
}
