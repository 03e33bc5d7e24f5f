/** What stands in code slots, codes or vectors: written, and compared with each other. */
import { encodeSq8 } from './encode';
import { plainDistance, writePlain } from './plain';
import { holdsVectors } from './space';
import { codeDistanceSq8 } from './sq8';

/** Fills a slot from an f32 vector; the record number is left alone. */
export function encodeSlot(space: u32, vector: u32, slot: u32): void {
  if (holdsVectors(space)) writePlain(space, vector, slot);
  else encodeSq8(space, vector, slot);
}

/** Distance between what two slots hold. */
export function codeDistance(space: u32, left: u32, right: u32): f32 {
  return holdsVectors(space)
    ? plainDistance(space, left, right)
    : codeDistanceSq8(space, left, right);
}
