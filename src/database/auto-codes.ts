/**
 * What `codes: 'auto'` comes to: SQ8 codes, or 1-bit codes with a beam so much wider that `ef` finds as much. Bits take
 * an eighth of the memory. They ask for more distances the fewer dimensions there are, so that they pay where memory does
 * not hold SQ8 codes, and from some 600 dimensions on everywhere. Each search decides anew, by the number of nodes and by
 * the memory of the module: a database may be filled with much memory and searched with little.
 *
 * Bits are made where they may come to pay: by a bulk load if they are fine enough for its vectors (`bits-trial.ts`), and
 * above 256 dimensions by insertions.
 */
import { MEMORY_BYTES_MIN, planMemory } from './memory-plan.ts';
import type { EffectiveSpaceOptions } from './options.ts';

/** Below it bits are too coarse for any beam that pays. */
export const AUTO_FROM = 128;
/** Above it bits are made in any case, by insertions too, which cannot try them. */
const TRAINED_ABOVE = 256;
/** Above it bits are as fast when everything is in memory. */
const ALWAYS_ABOVE = 600;

/** Bits pay where SQ8 codes and lists are so many times as large as the memory, for each time that the beam is wider. */
const OUTGROWN = 0.55;
/** And where the bits themselves are at most this share of it. */
const BITS_SHARE = 0.85;
/** Wider ones are not tried. */
const BEAM_MAX = 4096;
/** Bytes of a walk's scratch for each result of its beam, spare ones with it, and the share of memory that they may take. */
const RESULT_BYTES = 512;
const SCRATCH_SHARE = 1 / 16;
/** Of the smallest database. */
const MODULE_BYTES_MIN = planMemory(MEMORY_BYTES_MIN).moduleBytes;
/** Bytes of a slot beside its codes. */
const SLOT_BYTES = 16;

/** What a space is decided by. */
export type AutoShape = Pick<EffectiveSpaceOptions, 'dimension' | 'm'>;

/** How the searches of a space choose, with so much memory of the module. */
export interface AutoChoice {
  /** Whether those among so many nodes walk on bits, if there are any. */
  readonly usesBits: (nodes: number) => boolean;
  /** The beam on bits for `ef`; 0: too wide, such a search walks on SQ8 codes. */
  readonly beamOnBits: (ef: number) => number;
}

export function autoChoice(shape: AutoShape, moduleBytes: number): AutoChoice {
  return {
    usesBits: (nodes) => needsBits(shape, nodes, moduleBytes),
    beamOnBits: (ef) => beamOnBits(shape.dimension, ef, moduleBytes),
  };
}

/** See `AutoChoice.usesBits`. */
export function needsBits(shape: AutoShape, nodes: number, moduleBytes: number): boolean {
  if (shape.dimension > ALWAYS_ABOVE) return true;
  const { least, below } = payingMemory(shape, nodes);
  return moduleBytes >= least && moduleBytes < below;
}

/** Whether a load of so many vectors is to make bits, if they are fine enough: there is a memory with which they pay. */
export function mayNeedBits(shape: AutoShape, nodes: number): boolean {
  if (shape.dimension > TRAINED_ABOVE) return true;
  const { least, below } = payingMemory(shape, nodes);
  return Math.max(least, MODULE_BYTES_MIN) < below;
}

/** Whether a space that is filled by insertions gets bits. */
export function trainsBits(dimension: number): boolean {
  return dimension > TRAINED_ABOVE;
}

/**
 * How many times as wide a beam on bits finds what one on SQ8 codes finds: the square of the error of an estimate
 * falls with the dimension. Measured on several sets: 2.6 to 4 of 128 dimensions, 1.8 to 2.5 of 256, 1.2 to 1.5 of 768.
 */
export function beamFactor(dimension: number): number {
  return 1 + 384 / dimension;
}

/** See `AutoChoice.beamOnBits`. Where memory is small a wide beam finds no room beside what writes have pinned. */
export function beamOnBits(dimension: number, ef: number, moduleBytes: number): number {
  const beam = Math.round(beamFactor(dimension) * ef);
  const affordable = (moduleBytes * SCRATCH_SHARE) / RESULT_BYTES;
  return beam > Math.min(BEAM_MAX, affordable) ? 0 : beam;
}

function payingMemory(
  { dimension, m }: AutoShape,
  nodes: number,
): { readonly least: number; readonly below: number } {
  const listBytes = 4 + 8 * m;
  const codeBytes = SLOT_BYTES + dimension;
  const bitBytes = SLOT_BYTES + 8 * Math.ceil(dimension / 64);
  const below = (nodes * (codeBytes + listBytes)) / (OUTGROWN * beamFactor(dimension));
  return { least: (nodes * bitBytes) / BITS_SHARE, below };
}
