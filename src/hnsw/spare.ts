/**
 * Results behind the beam. Estimates by one bit a dimension mix up near neighbours, and a search that measures a few more
 * than its beam holds again finds some of what it lost: at a recall of 0.95 its beam can be a sixth narrower, or more. A
 * hop costs as much as measuring five vectors.
 */

/** So many, and a share of `ef`: wide beams lose less. */
const LEAST = 8;
const SHARE = 1 / 4;

/** How many results a walk keeps: those that it goes by, and more for measuring. */
export interface BeamWidth {
  readonly ef: number;
  readonly spare: number;
}

/** How many more results than `ef` a walk on bits is to give for measuring. Where codes are finer, none. */
export function spareOnBits(ef: number): number {
  return LEAST + Math.floor(SHARE * ef);
}
