/**
 * A version file names everything that an open needs to find; the pointer file names the version.
 *
 *   offset  size  field of 000012.version
 *        0     4  magic "SVV1"
 *        4     4  format version      2
 *        8     4  version number      as in the file's name
 *       12     4  next file number    above every number given out so far
 *       16     4  log number          logs below it are not replayed
 *       20     8  sequence            of the last commit that is in the tables
 *       28     4  tree count
 *       32     4  table count
 *       36        trees               id u8 | name length u8 | operator length u8 | name | operator (UTF-8)
 *                 tables              68 bytes each, by tree, level, run (newest first) and key
 *      end     4  checksum            xxHash32 of all before it, seeded with the version number
 *
 *   offset  size  field of a table
 *        0     4  file number
 *        4     1  tree
 *        5     1  level
 *        6     2  reserved            0
 *        8     8  size                of the file, in bytes
 *       16     4  entries
 *       20    16  smallest key, largest key   hi u32, lo u32 each
 *       36    16  smallest sequence, largest sequence
 *       52     4  run                 tables of a level with the same run do not overlap
 *       56     4  keys                distinct ones
 *       60     4  merges              entries of that kind
 *       64     4  deletes             entries of that kind
 *
 *   offset  size  field of CURRENT
 *        0     4  magic "SVCP"
 *        4     4  format version      1
 *        8     4  version number
 *       12     4  checksum            xxHash32 of bytes 0..11, seed 0
 *
 * All integers are little-endian. What is decoded has been checked: runs are sorted and do not overlap, and
 * no number lies above its bound.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import { CorruptionError, DatabaseError } from '../errors.ts';
import { compareKeys } from './entry.ts';
import { readUint64, writeUint64 } from './log-format.ts';

const VERSION_MAGIC = 0x31565653; // "SVV1"
const POINTER_MAGIC = 0x50435653; // "SVCP"
const VERSION_FORMAT = 2;
const POINTER_FORMAT = 1;
const HEADER_SIZE = 36;
const TREE_HEADER_SIZE = 3;
const TABLE_SIZE = 68;
const CHECKSUM_SIZE = 4;
const POINTER_SIZE = 16;

/** L0 is the top; the last one is where data comes to rest. */
export const LEVEL_COUNT = 7;

/** What a version knows of a table without opening it. */
export interface TableMeta {
  readonly number: number;
  readonly tree: number;
  readonly sizeBytes: number;
  readonly entries: number;
  readonly smallestHi: number;
  readonly smallestLo: number;
  readonly largestHi: number;
  readonly largestLo: number;
  readonly smallestSequence: number;
  readonly largestSequence: number;
  /** Distinct keys. */
  readonly keys: number;
  /** Entries of the kind MERGE. */
  readonly merges: number;
  /** Entries of the kind DELETE. */
  readonly deletes: number;
}

export interface StoredTree {
  readonly id: number;
  readonly name: string;
  /** Empty: none. */
  readonly mergeOperator: string;
}

export interface PlacedTable {
  readonly level: number;
  /** Tables of one tree, level and run follow each other without overlap; larger runs are newer. */
  readonly run: number;
  readonly meta: TableMeta;
}

export interface StoredVersion {
  readonly number: number;
  readonly nextFileNumber: number;
  readonly logNumber: number;
  readonly sequence: number;
  /** By id. */
  readonly trees: readonly StoredTree[];
  readonly tables: readonly PlacedTable[];
}

export function encodeVersion(version: StoredVersion, hasher: Hasher): Uint8Array {
  const text = new TextEncoder();
  const trees = version.trees.map(({ id, name, mergeOperator }) => ({
    id,
    name: text.encode(name),
    operator: text.encode(mergeOperator),
  }));
  let size = HEADER_SIZE + version.tables.length * TABLE_SIZE + CHECKSUM_SIZE;
  for (const { name, operator } of trees) size += TREE_HEADER_SIZE + name.length + operator.length;

  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, VERSION_MAGIC, true);
  view.setUint32(4, VERSION_FORMAT, true);
  view.setUint32(8, version.number, true);
  view.setUint32(12, version.nextFileNumber, true);
  view.setUint32(16, version.logNumber, true);
  writeUint64(view, 20, version.sequence);
  view.setUint32(28, trees.length, true);
  view.setUint32(32, version.tables.length, true);
  let position = HEADER_SIZE;
  for (const { id, name, operator } of trees) {
    assert(name.length <= 255 && operator.length <= 255, 'the length of a name fits one byte');
    bytes.set([id, name.length, operator.length], position);
    bytes.set(name, position + TREE_HEADER_SIZE);
    bytes.set(operator, position + TREE_HEADER_SIZE + name.length);
    position += TREE_HEADER_SIZE + name.length + operator.length;
  }
  for (const table of version.tables) {
    writeTable(view, position, table);
    position += TABLE_SIZE;
  }
  assert(position === size - CHECKSUM_SIZE, 'a version fills its bytes');
  view.setUint32(position, hasher.hash32(bytes.subarray(0, position), version.number), true);
  return bytes;
}

/** `number` is that of the file's name. */
export function decodeVersion(
  bytes: Uint8Array,
  number: number,
  file: string,
  hasher: Hasher,
): StoredVersion {
  const corruption = (what: string, offset: number) => new CorruptionError(what, { file, offset });
  const end = bytes.length - CHECKSUM_SIZE;
  if (end < HEADER_SIZE) throw corruption('version file too short', 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== VERSION_MAGIC) {
    throw corruption('not a version file: bad magic', 0);
  }
  if (view.getUint32(end, true) !== hasher.hash32(bytes.subarray(0, end), number)) {
    throw corruption('version file checksum mismatch', end);
  }
  checkFormat(view.getUint32(4, true), VERSION_FORMAT, file);
  if (view.getUint32(8, true) !== number) throw corruption('version says another number', 8);
  const sequence = readUint64(view, 20);
  const nextFileNumber = view.getUint32(12, true);
  const logNumber = view.getUint32(16, true);
  if (sequence > Number.MAX_SAFE_INTEGER || Math.max(number, logNumber) >= nextFileNumber) {
    throw corruption('impossible counters in a version', 12);
  }

  const treeCount = view.getUint32(28, true);
  const tableCount = view.getUint32(32, true);
  if (tableCount * TABLE_SIZE + treeCount * TREE_HEADER_SIZE > end - HEADER_SIZE) {
    throw corruption('more trees and tables than the version has bytes for', 28);
  }
  const tablesStart = end - tableCount * TABLE_SIZE;
  const trees = readTrees(bytes.subarray(HEADER_SIZE, tablesStart), treeCount);
  if (trees === undefined) throw corruption('malformed trees in a version', HEADER_SIZE);
  const tables: PlacedTable[] = [];
  for (let i = 0; i < tableCount; i++) {
    const offset = tablesStart + i * TABLE_SIZE;
    const table = readTable(view, offset);
    const { meta, level, run } = table;
    const isPossible =
      meta.number < nextFileNumber &&
      level < LEVEL_COUNT &&
      run < nextFileNumber &&
      meta.keys <= meta.entries &&
      meta.merges + meta.deletes <= meta.entries &&
      meta.largestSequence <= sequence &&
      meta.smallestSequence <= meta.largestSequence &&
      compareKeys(meta.smallestHi, meta.smallestLo, meta.largestHi, meta.largestLo) <= 0 &&
      trees.some(({ id }) => id === meta.tree);
    if (!isPossible) throw corruption('impossible table in a version', offset);
    const before = tables.at(-1);
    if (before !== undefined && !isInOrder(before, table)) {
      throw corruption('tables of a version out of order', offset);
    }
    tables.push(table);
  }
  return { number, nextFileNumber, logNumber, sequence, trees, tables };
}

export function encodePointer(versionNumber: number, hasher: Hasher): Uint8Array {
  const bytes = new Uint8Array(POINTER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, POINTER_MAGIC, true);
  view.setUint32(4, POINTER_FORMAT, true);
  view.setUint32(8, versionNumber, true);
  view.setUint32(12, hasher.hash32(bytes.subarray(0, 12), 0), true);
  return bytes;
}

/** The number of the version that the pointer names. */
export function decodePointer(bytes: Uint8Array, file: string, hasher: Hasher): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length !== POINTER_SIZE || view.getUint32(0, true) !== POINTER_MAGIC) {
    throw new CorruptionError('not a pointer to a version', { file, offset: 0 });
  }
  if (view.getUint32(12, true) !== hasher.hash32(bytes.subarray(0, 12), 0)) {
    throw new CorruptionError('pointer checksum mismatch', { file, offset: 12 });
  }
  checkFormat(view.getUint32(4, true), POINTER_FORMAT, file);
  return view.getUint32(8, true);
}

function checkFormat(format: number, expected: number, file: string): void {
  if (format === expected) return;
  throw new DatabaseError(
    'UNSUPPORTED_FORMAT',
    `version format ${format} in ${file}, this library reads ${expected}`,
  );
}

function readTrees(bytes: Uint8Array, count: number): StoredTree[] | undefined {
  const text = new TextDecoder();
  const trees: StoredTree[] = [];
  let position = 0;
  for (let i = 0; i < count; i++) {
    if (position + TREE_HEADER_SIZE > bytes.length) return undefined;
    const [id, nameLength, operatorLength] = bytes.subarray(position);
    const nameStart = position + TREE_HEADER_SIZE;
    const nameEnd = nameStart + nameLength;
    position = nameEnd + operatorLength;
    if (position > bytes.length) return undefined;
    const name = text.decode(bytes.subarray(nameStart, nameEnd));
    trees.push({ id, name, mergeOperator: text.decode(bytes.subarray(nameEnd, position)) });
  }
  return position === bytes.length ? trees : undefined;
}

function writeTable(view: DataView, position: number, { level, run, meta }: PlacedTable): void {
  view.setUint32(position, meta.number, true);
  view.setUint8(position + 4, meta.tree);
  view.setUint8(position + 5, level);
  writeUint64(view, position + 8, meta.sizeBytes);
  view.setUint32(position + 16, meta.entries, true);
  view.setUint32(position + 20, meta.smallestHi, true);
  view.setUint32(position + 24, meta.smallestLo, true);
  view.setUint32(position + 28, meta.largestHi, true);
  view.setUint32(position + 32, meta.largestLo, true);
  writeUint64(view, position + 36, meta.smallestSequence);
  writeUint64(view, position + 44, meta.largestSequence);
  view.setUint32(position + 52, run, true);
  view.setUint32(position + 56, meta.keys, true);
  view.setUint32(position + 60, meta.merges, true);
  view.setUint32(position + 64, meta.deletes, true);
}

function readTable(view: DataView, position: number): PlacedTable {
  const meta: TableMeta = {
    number: view.getUint32(position, true),
    tree: view.getUint8(position + 4),
    sizeBytes: readUint64(view, position + 8),
    entries: view.getUint32(position + 16, true),
    smallestHi: view.getUint32(position + 20, true),
    smallestLo: view.getUint32(position + 24, true),
    largestHi: view.getUint32(position + 28, true),
    largestLo: view.getUint32(position + 32, true),
    smallestSequence: readUint64(view, position + 36),
    largestSequence: readUint64(view, position + 44),
    keys: view.getUint32(position + 56, true),
    merges: view.getUint32(position + 60, true),
    deletes: view.getUint32(position + 64, true),
  };
  return { level: view.getUint8(position + 5), run: view.getUint32(position + 52, true), meta };
}

/** By tree, level and run, newest first; within a run by key and without overlap. */
function isInOrder(a: PlacedTable, b: PlacedTable): boolean {
  if (a.meta.tree !== b.meta.tree) return a.meta.tree < b.meta.tree;
  if (a.level !== b.level) return a.level < b.level;
  if (a.run !== b.run) return a.run > b.run;
  return compareKeys(a.meta.largestHi, a.meta.largestLo, b.meta.smallestHi, b.meta.smallestLo) < 0;
}
