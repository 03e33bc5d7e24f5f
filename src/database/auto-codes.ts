/**
 * What `codes: 'auto'` comes to: SQ8 codes, or 1-bit codes with a beam so much wider that `ef` finds as much. Bits take
 * an eighth of the memory. They ask for more distances the fewer dimensions there are, so that they pay where memory does
 * not hold SQ8 codes, and from some 600 dimensions on everywhere.
 *
 * It is decided once, so that memory never changes hits: by a bulk load, which knows number and memory, if bits are fine
 * enough for its vectors (`bits-trial.ts`); by insertions, which know neither, by the dimension. Whether a space has a
 * centroid of bits says what was decided.
 */
import type { EffectiveSpaceOptions } from './options.ts';

/** Below it bits are too coarse for any beam that pays. */
export const AUTO_FROM = 128;
/** Above it insertions make bits: how many vectors there will be is not known, and where memory is scarce they pay most. */
const TRAINED_ABOVE = 256;
/** Above it bits are as fast when everything is in memory. */
const ALWAYS_ABOVE = 600;

/** Bits pay where SQ8 codes and lists are so many times as large as the memory, for each time that the beam is wider. */
const OUTGROWN = 0.55;
/** And where the bits themselves are at most this share of it. */
const BITS_SHARE = 0.85;
/** The widest beam that is made wider for bits: its scratch fits into the smallest database beside what writes pin there. */
const BEAM_MAX = 768;
/** Bytes of a slot beside its codes. */
const SLOT_BYTES = 16;

/** What a space is decided by. */
export type AutoShape = Pick<EffectiveSpaceOptions, 'dimension' | 'm'>;

/** Whether a load of so many vectors into a module of `moduleBytes` is to make bits, if they are fine enough. */
export function needsBits(shape: AutoShape, count: number, moduleBytes: number): boolean {
  if (shape.dimension > ALWAYS_ABOVE) return true;
  const { least, below } = payingMemory(shape, count);
  return moduleBytes >= least && moduleBytes < below;
}

/** Whether a space that is filled by insertions gets bits. */
export function trainsBits(dimension: number): boolean {
  return dimension > TRAINED_ABOVE;
}

/**
 * How many times as wide a beam on bits finds what one on SQ8 codes finds: the square of the error of an estimate
 * falls with the dimension. Measured on several sets: 2.6 to 4 of 128 dimensions, 1.8 to 2.5 of 256, 1.1 to 1.25 of 768,
 * where the spare results (`hnsw/spare.ts`) make up for half of it.
 */
export function beamFactor(dimension: number): number {
  return 1 + (dimension > ALWAYS_ABOVE ? 200 : 384) / dimension;
}

/**
 * The beam on bits for `ef`; 0: such a search walks on SQ8 codes. The memory has no say in it. Of many dimensions a very wide
 * `ef` finds nearly all on bits as it is, and pages of SQ8 codes would be many to read.
 */
export function beamOnBits(dimension: number, ef: number): number {
  const beam = Math.round(beamFactor(dimension) * ef);
  if (beam <= BEAM_MAX) return beam;
  return dimension > ALWAYS_ABOVE ? Math.max(ef, BEAM_MAX) : 0;
}

function payingMemory(
  { dimension, m }: AutoShape,
  count: number,
): { readonly least: number; readonly below: number } {
  const listBytes = 4 + 8 * m;
  const codeBytes = SLOT_BYTES + dimension;
  const bitBytes = SLOT_BYTES + 8 * Math.ceil(dimension / 64);
  const below = (count * (codeBytes + listBytes)) / (OUTGROWN * beamFactor(dimension));
  return { least: (count * bitBytes) / BITS_SHARE, below };
}
