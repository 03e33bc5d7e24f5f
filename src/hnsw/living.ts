/** Whether nodes live, by the masks at the head of their code cells. */
import { DatabaseError } from '../errors.ts';
import type { WalkContext } from './walk-driver.ts';

/** False for a ghost and for a free place. Reads the page's codes if need be. */
export function isLiving({ kernels, space, vectors }: WalkContext, node: number): boolean {
  const page = space.pageOf(node);
  let cell = space.codes.cell(page);
  if (cell === 0) {
    vectors.loadCodes(page);
    cell = space.codes.cell(page);
    if (cell === 0) throw new DatabaseError('RESOURCE_EXHAUSTED', 'memory holds no page of codes');
  }
  const slot = space.slotOf(node);
  return ((kernels.memory.u32[(cell >>> 2) + (slot >>> 5)] >>> (slot & 31)) & 1) === 1;
}
