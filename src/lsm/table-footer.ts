/**
 * The last 64 bytes of every table file; a reader starts here.
 *
 *   offset  size  field
 *        0     8  filter offset       in bytes from the file's start
 *        8     4  filter length       trailer included; 0 when the table has no filter
 *       12     4  index length
 *       16     8  index offset
 *       24     8  properties offset
 *       32     4  properties length
 *       36     8  file number         as in the file's name
 *       44     8  reserved            0
 *       52     4  format version      1
 *       56     4  checksum            xxHash32 of bytes 0..55, seed 0
 *       60     4  magic               "SVT1"
 *
 * All integers are little-endian. The magic is last, so that a table whose write was cut short never looks
 * complete.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import { CorruptionError, DatabaseError, type Location } from '../errors.ts';

export const TABLE_FOOTER_SIZE = 64;
export const TABLE_FORMAT_VERSION = 1;

const FILTER_OFFSET = 0;
const FILTER_LENGTH = 8;
const INDEX_LENGTH = 12;
const INDEX_OFFSET = 16;
const PROPERTIES_OFFSET = 24;
const PROPERTIES_LENGTH = 32;
const NUMBER = 36;
const VERSION = 52;
const CHECKSUM = 56;
const MAGIC = 60;
const MAGIC_VALUE = 0x31545653; // "SVT1", read as a little-endian u32

/** Where a section lies; `length` has its trailer in it. */
export interface SectionRange {
  readonly offset: number;
  readonly length: number;
}

export interface TableFooter {
  readonly number: number;
  /** Length 0: no filter. */
  readonly filter: SectionRange;
  readonly index: SectionRange;
  readonly properties: SectionRange;
}

export function encodeTableFooter(footer: TableFooter, hasher: Hasher): Uint8Array {
  assert(Number.isSafeInteger(footer.number), 'a file number is an exact integer');
  const bytes = new Uint8Array(TABLE_FOOTER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(FILTER_OFFSET, BigInt(footer.filter.offset), true);
  view.setUint32(FILTER_LENGTH, footer.filter.length, true);
  view.setBigUint64(INDEX_OFFSET, BigInt(footer.index.offset), true);
  view.setUint32(INDEX_LENGTH, footer.index.length, true);
  view.setBigUint64(PROPERTIES_OFFSET, BigInt(footer.properties.offset), true);
  view.setUint32(PROPERTIES_LENGTH, footer.properties.length, true);
  view.setBigUint64(NUMBER, BigInt(footer.number), true);
  view.setUint32(VERSION, TABLE_FORMAT_VERSION, true);
  view.setUint32(CHECKSUM, hasher.hash32(bytes.subarray(0, CHECKSUM), 0), true);
  view.setUint32(MAGIC, MAGIC_VALUE, true);
  return bytes;
}

/** `location` is where `bytes` begin. Each section is known to lie before it. */
export function decodeTableFooter(
  bytes: Uint8Array,
  location: Location,
  hasher: Hasher,
): TableFooter {
  assert(bytes.length === TABLE_FOOTER_SIZE, 'caller reads exactly one footer');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(MAGIC, true) !== MAGIC_VALUE) {
    throw new CorruptionError('not a complete table: bad magic', location);
  }
  if (view.getUint32(CHECKSUM, true) !== hasher.hash32(bytes.subarray(0, CHECKSUM), 0)) {
    throw new CorruptionError('table footer checksum mismatch', location);
  }
  const version = view.getUint32(VERSION, true);
  if (version !== TABLE_FORMAT_VERSION) {
    throw new DatabaseError(
      'UNSUPPORTED_FORMAT',
      `table format ${version} in ${location.file}, this library reads ${TABLE_FORMAT_VERSION}`,
    );
  }
  const range = (offsetAt: number, lengthAt: number): SectionRange => ({
    offset: Number(view.getBigUint64(offsetAt, true)),
    length: view.getUint32(lengthAt, true),
  });
  const footer = {
    number: Number(view.getBigUint64(NUMBER, true)),
    filter: range(FILTER_OFFSET, FILTER_LENGTH),
    index: range(INDEX_OFFSET, INDEX_LENGTH),
    properties: range(PROPERTIES_OFFSET, PROPERTIES_LENGTH),
  };
  for (const { offset, length } of [footer.filter, footer.index, footer.properties]) {
    if (offset % 8 !== 0 || offset + length > location.offset) {
      throw new CorruptionError('table section outside of the file', location);
    }
  }
  return footer;
}
