/**
 * Reads what is left of a table file, block by block. By the index, if that passes its checksum; else by
 * looking for blocks at every multiple of 8, where all sections begin. A block that passes its checksum,
 * which is seeded with the file's number and the offset, is one that was written there.
 *
 * The length of an uncompressed block follows from its columns; that of an LZ4 block is found by trying the
 * places where its codec byte may stand. What belongs to no block found so far is lost.
 */
import type { Hasher } from '../../base/hasher.ts';
import { KIB } from '../../base/units.ts';
import { isDatabaseError } from '../../errors.ts';
import { allocateBlock, BLOCK_HEADER_SIZE, type Block, blockHi, openBlock } from '../block.ts';
import { CODEC_LZ4 } from '../codec.ts';
import type { EntryCursor } from '../cursor.ts';
import { TableCursor } from '../table-cursor.ts';
import { decodeTableFooter, TABLE_FOOTER_SIZE, type TableFooter } from '../table-footer.ts';
import { decodeTableIndex, type TableIndex } from '../table-index.ts';
import { decodeTableProperties, type TableProperties } from '../table-properties.ts';
import {
  alignSection,
  openSection,
  SECTION_ALIGNMENT,
  SECTION_TRAILER_SIZE,
} from '../table-section.ts';

/** The longest LZ4 block that is found without its index. */
const LZ4_BYTES_MAX: number = 256 * KIB;
const PROPERTIES_START = '{"tree":';

export interface TableBytes {
  readonly bytes: Uint8Array;
  readonly number: number;
  /** Path of the file, for errors. */
  readonly file: string;
  readonly hasher: Hasher;
}

export interface FoundBlock {
  readonly block: Block;
  /** Of the section in the file, in bytes. */
  readonly offset: number;
  readonly length: number;
}

export interface SalvagedTable {
  /** In the order of the file, which is that of their keys. */
  readonly blocks: readonly FoundBlock[];
  readonly footer: TableFooter | undefined;
  /** Undefined: the blocks were searched for. */
  readonly index: TableIndex | undefined;
  readonly entries: number;
  /** What did not pass, in words, with offsets. */
  readonly problems: readonly string[];
  readonly properties: TableProperties | undefined;
  /** Of the file. */
  readonly sizeBytes: number;
  cursor(): EntryCursor;
}

export function salvageTable(table: TableBytes): SalvagedTable {
  const problems: string[] = [];
  const footer = attempt(problems, 'footer', () => readFooter(table));
  const properties =
    (footer && attempt(problems, 'properties', () => readProperties(table, footer))) ??
    findProperties(table);
  const index = footer && attempt(problems, 'index', () => readIndex(table, footer));
  const blocks =
    index === undefined ? scanBlocks(table, problems) : readBlocks(table, index, problems);
  if (footer !== undefined && footer.filter.length > 0) {
    const { offset, length } = footer.filter;
    attempt(problems, 'filter', () => readSection(table, offset, length));
  }
  const entries = blocks.reduce((sum, { block }) => sum + block.count, 0);
  const sizeBytes = table.bytes.length;
  const cursor = (): EntryCursor => cursorOver(blocks.map(({ block }) => block));
  return { blocks, footer, index, entries, problems, properties, sizeBytes, cursor };
}

/** The result of `run`, or undefined and a problem. */
function attempt<T>(problems: string[], what: string, run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!isDatabaseError(error) || error.code !== 'CORRUPTION') throw error;
    problems.push(`${what}: ${error.message}`);
    return undefined;
  }
}

function readFooter({ bytes, file, hasher }: TableBytes): TableFooter {
  const offset = Math.max(0, bytes.length - TABLE_FOOTER_SIZE);
  const last = new Uint8Array(TABLE_FOOTER_SIZE);
  last.set(bytes.subarray(offset));
  return decodeTableFooter(last, { file, offset }, hasher);
}

/** A copy of the payload, at the start of its own buffer. */
function readSection(table: TableBytes, offset: number, length: number): Uint8Array {
  const { bytes, number, file, hasher } = table;
  const stored = bytes.slice(offset, offset + length);
  return openSection(stored, number, { file, offset }, hasher);
}

function readProperties(table: TableBytes, { properties }: TableFooter): TableProperties {
  const { offset, length } = properties;
  return decodeTableProperties(readSection(table, offset, length), { file: table.file, offset });
}

function readIndex(table: TableBytes, { index, filter }: TableFooter): TableIndex {
  const end = filter.length > 0 ? filter.offset : index.offset;
  const payload = readSection(table, index.offset, index.length);
  return decodeTableIndex(payload, end, { file: table.file, offset: index.offset });
}

/** Without a footer: JSON that begins as properties do, and passes its checksum. */
function findProperties(table: TableBytes): TableProperties | undefined {
  const { bytes, file } = table;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (
    let offset = buffer.lastIndexOf(PROPERTIES_START);
    offset >= 0;
    offset = offset === 0 ? -1 : buffer.lastIndexOf(PROPERTIES_START, offset - 1)
  ) {
    const end = buffer.indexOf('}', offset);
    if (end < 0 || offset % SECTION_ALIGNMENT !== 0) continue;
    const length = end + 1 - offset + SECTION_TRAILER_SIZE;
    const found = attempt([], 'properties', () =>
      decodeTableProperties(readSection(table, offset, length), { file, offset }),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function readBlocks(table: TableBytes, index: TableIndex, problems: string[]): FoundBlock[] {
  const blocks: FoundBlock[] = [];
  for (let i = 0; i < index.blockCount; i++) {
    const offset = index.unit[i] * SECTION_ALIGNMENT;
    const length = index.length[i];
    const keys = `up to key (${index.lastHi[i]}, ${index.lastLo[i]})`;
    const what = `block ${i} at ${offset}, ${index.entryCount[i]} entries ${keys}`;
    const payload = attempt(problems, what, () => readSection(table, offset, length));
    if (payload === undefined) continue;
    const block = toBlock(payload);
    if (block === undefined) problems.push(`${what}: malformed`);
    else blocks.push({ block, offset, length });
  }
  return blocks;
}

function toBlock(payload: Uint8Array): Block | undefined {
  const block = allocateBlock(payload.length);
  block.u8.set(payload);
  return openBlock(block, payload.length) === undefined ? block : undefined;
}

/** Every block that can be found, front to back. */
function scanBlocks(table: TableBytes, problems: string[]): FoundBlock[] {
  const blocks: FoundBlock[] = [];
  let lostFrom = -1;
  let offset = 0;
  const end = table.bytes.length;
  while (offset + BLOCK_HEADER_SIZE < end) {
    const found = blockAt(table, offset);
    if (found === undefined) {
      if (lostFrom < 0) lostFrom = offset;
      offset += SECTION_ALIGNMENT;
      continue;
    }
    if (lostFrom >= 0) problems.push(`no block in bytes ${lostFrom} to ${offset}`);
    lostFrom = -1;
    blocks.push(found);
    offset = alignSection(offset + found.length);
  }
  return blocks;
}

function blockAt(table: TableBytes, offset: number): FoundBlock | undefined {
  for (const length of possibleLengths(table.bytes, offset)) {
    const payload = attempt([], 'block', () => readSection(table, offset, length));
    const block = payload === undefined ? undefined : toBlock(payload);
    if (block !== undefined) return { block, offset, length };
  }
  return undefined;
}

/** How long the section at `offset` may be, if it is a block. */
function* possibleLengths(bytes: Uint8Array, offset: number): Generator<number> {
  const rest = bytes.length - offset;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, rest);
  const count = view.getUint32(0, true);
  const flags = view.getUint32(4, true);
  if (count > 0 && flags <= 3 && 13 * count < rest) {
    const columns = 3 + (flags & 1) + (flags >>> 1);
    const kinds = BLOCK_HEADER_SIZE + 4 * columns * count;
    if (kinds + count <= rest) {
      const length = kinds + count + view.getUint32(kinds - 4, true) + SECTION_TRAILER_SIZE;
      if (length <= rest) yield length;
    }
  }
  // An LZ4 block begins with its raw length, and is shorter than that.
  const longest = Math.min(count, rest - SECTION_TRAILER_SIZE, LZ4_BYTES_MAX);
  for (let size = 4; size <= longest; size++) {
    if (bytes[offset + size] === CODEC_LZ4) yield size + SECTION_TRAILER_SIZE;
  }
}

/** As the cursor of a table whose index names just these blocks. */
function cursorOver(blocks: readonly Block[]): EntryCursor {
  const count = blocks.length;
  const index: TableIndex = {
    blockCount: count,
    lastLo: Uint32Array.from(blocks, (block) => block.u32[block.keyLo + block.count - 1]),
    lastHi: Uint32Array.from(blocks, (block) => blockHi(block, block.count - 1)),
    unit: new Uint32Array(count),
    length: new Uint32Array(count),
    entryCount: Uint32Array.from(blocks, (block) => block.count),
  };
  return new TableCursor(
    () => index,
    (number) => blocks[number],
  );
}
