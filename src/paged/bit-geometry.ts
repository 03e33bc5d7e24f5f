/**
 * How 1-bit codes lie on disk: a pure function of the page geometry, part of the on-disk format (a test
 * pins its answers). A bit page holds the bits of G consecutive pages, so that its slice is about 4 KB
 * where that of one page would be some hundred bytes.
 *
 * Of slices of 1, 2, 3, … units the first wins that is nearly full of slots, for the largest G whose
 * number of slots has an exact 32-bit reciprocal; else the fullest one.
 */
import { BIT_CODE } from '../kernels/layout.ts';
import type { BitGeometry as KernelBitGeometry } from '../kernels/space.ts';
import { divideByMultiply, type Geometry, UNIT_SIZE } from './geometry.ts';

const WASTE_MAX = 0.12;
const UNITS_MAX = 8;
/** What rotations are drawn from. */
const SEED = 0x53544954;

/** `slotsPerPage`, magic and shift are those of bit pages. */
export interface BitGeometry extends KernelBitGeometry {
  /** G: pages whose bits lie on one bit page. */
  readonly pagesPerBitPage: number;
  /** u32 words of the live mask at the head of a bit cell. */
  readonly maskWords: number;
  readonly sliceBytes: number;
}

export function chooseBitGeometry({ dimension, slotsPerPage }: Geometry): BitGeometry {
  const bitCount = Math.ceil(dimension / 64) * 64;
  let best: BitGeometry | undefined;
  let bestShare = 0;
  for (let units = 1; best === undefined || units <= UNITS_MAX; units++) {
    const sliceBytes = units * UNIT_SIZE;
    const geometry = largestBitPage(slotsPerPage, bitCount, sliceBytes);
    if (geometry === undefined) continue;
    const share = (geometry.slotsPerPage * geometry.stride) / sliceBytes;
    if (share <= bestShare) continue;
    best = geometry;
    bestShare = share;
    if (share >= 1 - WASTE_MAX) break;
  }
  return best;
}

/** With as many pages as fit, if one does. */
function largestBitPage(
  slotsPerPage: number,
  bitCount: number,
  sliceBytes: number,
): BitGeometry | undefined {
  const stride = BIT_CODE + bitCount / 8;
  const pagesMax = Math.floor(sliceBytes / (slotsPerPage * stride));
  for (let pages = pagesMax; pages >= 1; pages--) {
    const slots = pages * slotsPerPage;
    const maskWords = Math.ceil(slots / 32);
    const slotsOffset = Math.ceil((4 * maskWords) / 16) * 16;
    if (slotsOffset + slots * stride > sliceBytes) continue;
    const division = divideByMultiply(slots);
    if (division === undefined) continue;
    return {
      pagesPerBitPage: pages,
      slotsPerPage: slots,
      pageMagic: division.magic,
      pageShift: division.shift,
      maskWords,
      count: bitCount,
      seed: SEED,
      stride,
      slotsOffset,
      sliceBytes,
    };
  }
  return undefined;
}
