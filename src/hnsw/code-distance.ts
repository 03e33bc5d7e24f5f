/** Distances between nodes by their codes, whether those are in memory or not. */
import { DatabaseError } from '../errors.ts';
import type { WalkContext } from './walk-driver.ts';

/** As walks measure: squared l2, 1 - cos or -dot. Loading one code may take the other away, but not forever. */
export function codeDistance(context: WalkContext, left: number, right: number): number {
  const { kernels, space, vectors } = context;
  for (let attempt = 0; attempt < 8; attempt++) {
    const leftSlot = space.codeSlot(left);
    const rightSlot = space.codeSlot(right);
    if (leftSlot !== 0 && rightSlot !== 0) {
      return kernels.exports.codeDistance(space.address, leftSlot, rightSlot);
    }
    if (leftSlot === 0) vectors.loadCodes(space.pageOf(left));
    if (rightSlot === 0) vectors.loadCodes(space.pageOf(right));
  }
  throw new DatabaseError(
    'RESOURCE_EXHAUSTED',
    'memory does not hold two pages of codes beside the changes; raise memoryBytes or write less at once',
  );
}
