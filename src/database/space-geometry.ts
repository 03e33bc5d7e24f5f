/** How the options of a vector space shape its pages. */
import type { SlotKind } from '../kernels/space.ts';
import { chooseGeometry, type Geometry } from '../paged/geometry.ts';
import type { EffectiveSpaceOptions } from './options.ts';

/** What code slots hold: 1-bit codes are made of SQ8 ones, and have pages of their own. */
export function slotKind(codes: EffectiveSpaceOptions['codes']): SlotKind {
  return codes === 'none' ? 'vectors' : 'sq8';
}

export function geometryOf({ dimension, codes }: EffectiveSpaceOptions): Geometry {
  return chooseGeometry(dimension, slotKind(codes));
}

/** Whether originals have slices of their own. */
export function hasOriginalSlices({ codes, originals }: EffectiveSpaceOptions): boolean {
  return originals && codes !== 'none';
}

/** Whether a space has a place for 1-bit codes; whether it has any, its pages know. */
export function mayHaveBits(codes: EffectiveSpaceOptions['codes']): boolean {
  return codes === 'bit' || codes === 'auto';
}
