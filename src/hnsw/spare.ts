/**
 * Results behind the beam. Estimates by one bit a dimension mix up near neighbours, and a search that measures a few more
 * than its beam holds again finds some of what it lost: at a recall of 0.95 its beam can be a sixth narrower, or more. A
 * hop costs as much as measuring five vectors.
 */
import type { VectorSource } from './sources.ts';

/** So many, and a share of `ef`: wide beams lose less. */
const LEAST = 8;
const SHARE = 1 / 4;

/** How many more results than `ef` a walk is to give for measuring; none where its codes are finer than bits. */
export function spareOf({ vectors }: { readonly vectors: VectorSource }, ef: number): number {
  return vectors.hasBits ? LEAST + Math.floor(SHARE * ef) : 0;
}
