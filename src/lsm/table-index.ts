/**
 * Where the blocks of a table are and what they end with, in columns:
 *
 *   offset  size      field
 *        0     4      block count
 *        4     4      reserved      0
 *        8     4·n    lastLo        low half of the last key of each block
 *              4·n    lastHi        high half
 *              4·n    unit          offset in the file, in units of 8 bytes
 *              4·n    length        stored bytes, trailer included
 *              4·n    entryCount
 *
 * The last key rather than the first: the first block whose last key is not before a key is the only one
 * where its newest version can be, even when the versions of one key fill several blocks.
 */
import { assert } from '../base/assert.ts';
import { CorruptionError, type Location } from '../errors.ts';
import { SECTION_ALIGNMENT, SECTION_TRAILER_SIZE } from './table-section.ts';

const HEADER_SIZE = 8;
const BLOCK_SIZE = 20;

export interface TableIndex {
  readonly blockCount: number;
  readonly lastLo: Uint32Array;
  readonly lastHi: Uint32Array;
  readonly unit: Uint32Array;
  readonly length: Uint32Array;
  readonly entryCount: Uint32Array;
}

/** Collects the index while blocks are written. */
export class TableIndexBuilder {
  readonly #columns: [number[], number[], number[], number[], number[]] = [[], [], [], [], []];

  get blockCount(): number {
    return this.#columns[0].length;
  }

  /** Bytes of the encoded index. */
  get size(): number {
    return HEADER_SIZE + BLOCK_SIZE * this.blockCount;
  }

  add(block: {
    readonly lastHi: number;
    readonly lastLo: number;
    readonly offset: number;
    readonly length: number;
    readonly entryCount: number;
  }): void {
    const unit = block.offset / SECTION_ALIGNMENT;
    assert(unit < 2 ** 32 && Number.isInteger(unit), 'blocks are aligned, in the first 32 GiB');
    const [lastLo, lastHi, units, lengths, counts] = this.#columns;
    lastLo.push(block.lastLo);
    lastHi.push(block.lastHi);
    units.push(unit);
    lengths.push(block.length);
    counts.push(block.entryCount);
  }

  encode(): Uint8Array {
    const count = this.blockCount;
    const words = new Uint32Array(this.size / 4);
    words[0] = count;
    let position = HEADER_SIZE / 4;
    for (const column of this.#columns) {
      words.set(column, position);
      position += count;
    }
    return new Uint8Array(words.buffer);
  }
}

/** The columns lie over `bytes`, which start at a multiple of 4. Blocks end at or before `end`. */
export function decodeTableIndex(bytes: Uint8Array, end: number, location: Location): TableIndex {
  if (bytes.length < HEADER_SIZE || (bytes.length - HEADER_SIZE) % BLOCK_SIZE !== 0) {
    throw new CorruptionError('impossible length of a table index', location);
  }
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const count = words[0];
  if (count === 0 || count !== (bytes.length - HEADER_SIZE) / BLOCK_SIZE) {
    throw new CorruptionError('block count does not fit the table index', location);
  }
  const column = (index: number): Uint32Array => {
    const start = HEADER_SIZE / 4 + index * count;
    return words.subarray(start, start + count);
  };
  const index = {
    blockCount: count,
    lastLo: column(0),
    lastHi: column(1),
    unit: column(2),
    length: column(3),
    entryCount: column(4),
  };
  checkBlocks(index, end, location);
  return index;
}

/** Keys ascend, blocks follow each other without overlap. */
function checkBlocks(index: TableIndex, end: number, location: Location): void {
  const { lastHi, lastLo } = index;
  let position = 0;
  for (let i = 0; i < index.blockCount; i++) {
    const offset = index.unit[i] * SECTION_ALIGNMENT;
    if (offset < position || index.length[i] <= SECTION_TRAILER_SIZE) {
      throw new CorruptionError('blocks of a table overlap', location);
    }
    position = offset + index.length[i];
    const before = i - 1;
    const isAscending =
      i === 0 ||
      lastHi[before] < lastHi[i] ||
      (lastHi[before] === lastHi[i] && lastLo[before] <= lastLo[i]);
    if (!isAscending) throw new CorruptionError('blocks of a table out of order', location);
  }
  if (position > end) throw new CorruptionError('block outside of the table', location);
}

/** Blocks on either side of where a key should be, if keys were spread evenly, in which it is looked for first. */
const NEAR = 4;

/** The first block whose last key is not before (hi, lo); `blockCount` when there is none. */
export function seekTableIndex(index: TableIndex, hi: number, lo: number): number {
  const { lastHi, lastLo, blockCount } = index;
  let low = 0;
  let high = blockCount;
  const last = blockCount - 1;
  if (lastHi[0] === hi && lastHi[last] === hi && lo > lastLo[0] && lo < lastLo[last]) {
    // Keys are numbers given one after the other: few of the index's cache lines are met.
    const share = (lo - lastLo[0]) / (lastLo[last] - lastLo[0]);
    const guess = Math.floor(share * last);
    if (guess >= NEAR && lastLo[guess - NEAR] < lo) low = guess - NEAR + 1;
    if (guess + NEAR < last && lastLo[guess + NEAR] >= lo) high = guess + NEAR;
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    const middleHi = lastHi[middle];
    if (middleHi < hi || (middleHi === hi && lastLo[middle] < lo)) low = middle + 1;
    else high = middle;
  }
  return low;
}
