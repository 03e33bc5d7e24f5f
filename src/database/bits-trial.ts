/**
 * Whether 1-bit codes are fine enough for what is being loaded. How wide a beam on bits has to be depends on how many
 * vectors are hardly farther than the nearest, which dimension and number do not tell: of vectors with few degrees of freedom
 * four times the beam is enough at 128 dimensions, of noise none is. So a few vectors look at their surroundings in the
 * finished graph, once by exact distances and once by distances that are off as estimates by bits would be.
 *
 * Gao and Long, "RaBitQ" (2024), theorem 3.2: the error of an estimated product of two unit vectors has a standard
 * deviation of sqrt((1 - s²) / s² / (d - 1)), s being about 0.8.
 */
import type { Random } from '../base/random.ts';

/** How many are looked at around each vector, and of how many the answer is. */
const AROUND = 320;
const NEAREST = 10;
/** Vectors that are tried: as many as look at so many numbers, and at the least. */
const TRIED_NUMBERS = 2 ** 21;
const TRIED_MIN = 8;
/** Of the standard deviation of an estimate, for vectors of length 1: over the root of the dimension. */
const ERROR = 0.75;
/** A walk measures so much more than its beam holds (`hnsw/spare.ts`). */
const MEASURED = 1.25;
/**
 * Where beams found as much as those on SQ8 codes, this share was 0.8 and more, or the graph lost more than the codes;
 * where they lost a tenth and more, it was 0.65 and less.
 */
const FOUND_MIN = 0.75;

export interface BitsTrial {
  readonly count: number;
  readonly dimension: number;
  readonly centroid: Float32Array;
  /** Node to node. */
  readonly neighbours: (node: number) => Uint32Array;
  /** As the space measures it: of the cosine metric normalised. */
  readonly read: (node: number, target: Float32Array) => void;
  readonly random: Random;
  /** Called between two vectors. */
  readonly pause: () => Promise<void> | undefined;
}

/** Whether a beam that is `factor` times as wide finds about what one on SQ8 codes does. */
export async function areBitsFineEnough(trial: BitsTrial, factor: number): Promise<boolean> {
  const { count, dimension, random, pause } = trial;
  const tried = Math.max(TRIED_MIN, Math.round(TRIED_NUMBERS / (AROUND * dimension)));
  let share = 0;
  for (let i = 0; i < tried; i++) {
    share += shareFound(trial, Math.floor(random() * count), factor) / tried;
    await pause();
  }
  return share >= FOUND_MIN;
}

/** How many of the nearest ten are among those that a beam of `factor` times ten measures: 0 to 1. */
function shareFound(trial: BitsTrial, node: number, factor: number): number {
  const { dimension, centroid, read, random } = trial;
  const query = new Float32Array(dimension);
  const vector = new Float32Array(dimension);
  read(node, query);
  const queryRest = squared(query, centroid);
  const around: { distance: number; estimate: number }[] = [];
  for (const other of nodesAround(trial, node)) {
    read(other, vector);
    const distance = squared(query, vector);
    const error = 2 * ERROR * Math.sqrt((queryRest * squared(vector, centroid)) / dimension);
    around.push({ distance, estimate: distance + error * gaussian(random) });
  }
  const nearest = around.sort((a, b) => a.distance - b.distance).slice(0, NEAREST);
  if (nearest.length === 0) return 1;
  const beam = new Set(
    around
      .sort((a, b) => a.estimate - b.estimate)
      .slice(0, Math.round(MEASURED * factor * NEAREST)),
  );
  return nearest.filter((one) => beam.has(one)).length / nearest.length;
}

/** The first that edges lead to, breadth first. */
function nodesAround({ neighbours }: BitsTrial, node: number): Iterable<number> {
  const found = new Set([node]);
  for (const from of found) {
    if (found.size > AROUND) break;
    for (const to of neighbours(from)) found.add(to);
  }
  found.delete(node);
  return found;
}

function squared(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += (left[i] - right[i]) ** 2;
  return sum;
}

/** Box and Muller. */
function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
