/**
 * How many slots a page has, and how long its slices are: a pure function of the dimension and of what code slots
 * hold, part of the on-disk format (a test pins its answers). A slice is a run of 4 KB units.
 *
 * The smallest page wins in which less than a tenth of the code slice, and of the whole page, is not
 * slots, and whose slot count has an exact 32-bit reciprocal (`divideByMultiply`): a walk divides each
 * node that it meets.
 */
import { assert } from '../base/assert.ts';
import { type SlotKind, slotStride } from '../kernels/space.ts';

/** The unit in which the page file is given out, in bytes. */
export const UNIT_SIZE = 4096;
export const DIMENSION_MAX = 16_384;
export const SLOTS_PER_PAGE_MAX = 1024;
const WASTE_MAX = 0.1;

export interface Geometry {
  readonly dimension: number;
  readonly slots: SlotKind;
  readonly slotsPerPage: number;
  /** See SPACE_PAGE_MAGIC in `kernels/layout.ts`. */
  readonly pageMagic: number;
  readonly pageShift: number;
  /** u32 words of the live mask, and of the used mask behind it, at the head of a code cell. */
  readonly maskWords: number;
  /** Bytes of a slot of the code slice, and where the first one starts. */
  readonly codeStride: number;
  readonly codeSlotsOffset: number;
  readonly codeSliceBytes: number;
  /**
   * Bytes of a slot of the original slice: f32[dimension], u32 checksum. Slots start at 0. Where code slots hold the
   * vectors, which are their own originals, it is the stride of those, and the slice has no bytes.
   */
  readonly originalStride: number;
  readonly originalSliceBytes: number;
}

/** `dimension` is 1 to DIMENSION_MAX. O(size of a page in units), microseconds. */
export function chooseGeometry(dimension: number, slots: SlotKind = 'sq8'): Geometry {
  assert(Number.isInteger(dimension) && dimension >= 1, 'a dimension is a positive integer');
  assert(dimension <= DIMENSION_MAX, 'the dimension is within its limit');
  for (let units = 1; ; units++) {
    const geometry = largestPage(dimension, slots, units * UNIT_SIZE);
    if (geometry !== undefined) return geometry;
    assert(units < 64, 'every dimension has a geometry');
  }
}

/** The page with most slots whose code slice takes `codeSliceBytes`, if one is good enough. */
function largestPage(
  dimension: number,
  kind: SlotKind,
  codeSliceBytes: number,
): Geometry | undefined {
  const hasVectors = kind === 'vectors';
  const codeStride = slotStride(dimension, kind);
  const originalStride = 4 * dimension + 4;
  const slotsMax = Math.min(SLOTS_PER_PAGE_MAX, Math.floor(codeSliceBytes / codeStride));
  for (let slots = slotsMax; slots >= 2; slots--) {
    if (slots * codeStride <= (1 - WASTE_MAX) * codeSliceBytes) return undefined;
    const maskWords = Math.ceil(slots / 32);
    const codeSlotsOffset = roundUp(8 * maskWords, 16);
    if (codeSlotsOffset + slots * codeStride > codeSliceBytes) continue;
    const originalSliceBytes = hasVectors ? 0 : roundUp(slots * originalStride, UNIT_SIZE);
    const slotBytes = hasVectors ? codeStride : codeStride + originalStride;
    const pageBytes = codeSliceBytes + originalSliceBytes;
    if (slots * slotBytes <= (1 - WASTE_MAX) * pageBytes) continue;
    const division = divideByMultiply(slots);
    if (division === undefined) continue;
    return {
      dimension,
      slots: kind,
      slotsPerPage: slots,
      pageMagic: division.magic,
      pageShift: division.shift,
      maskWords,
      codeStride,
      codeSlotsOffset,
      codeSliceBytes,
      originalStride: hasVectors ? codeStride : originalStride,
      originalSliceBytes,
    };
  }
  return undefined;
}

/**
 * Division of any u32 by `divisor` as `(n * magic) >> (32 + shift)`, or as `n >> shift` with magic 0;
 * undefined when no 32-bit magic is exact. Granlund and Montgomery, "Division by invariant integers
 * using multiplication" (1994), theorem 4.2: exact when 2^(32+s) <= magic * divisor <= 2^(32+s) + 2^s.
 */
export function divideByMultiply(
  divisor: number,
): { readonly magic: number; readonly shift: number } | undefined {
  assert(Number.isInteger(divisor) && divisor >= 1, 'a divisor is a positive integer');
  if ((divisor & (divisor - 1)) === 0) return { magic: 0, shift: 31 - Math.clz32(divisor) };
  const shift = 31 - Math.clz32(divisor);
  const power = 2n ** BigInt(32 + shift);
  const wide = BigInt(divisor);
  const magic = (power + wide - 1n) / wide;
  if (magic * wide - power > 2n ** BigInt(shift)) return undefined;
  assert(magic < 2n ** 32n, 'a magic number fits 32 bits');
  return { magic: Number(magic), shift };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
