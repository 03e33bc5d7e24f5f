/**
 * 1-bit codes in plain TypeScript: what the kernels of bits.ts, rotate.ts and measure-bits.ts are tested
 * against. The order of the floating-point operations is the same, so results are equal to the last bit.
 */
import { METRIC_COSINE, METRIC_DOT, METRIC_L2 } from '../layout.ts';
import { inverseNorm } from './sq8.ts';

/** What both sides of a distance agree on. `centroid` is of the normalised vectors for the cosine metric. */
export interface BitColumn {
  readonly metric: number;
  /** Bits of a code, a multiple of 64. */
  readonly count: number;
  readonly seed: number;
  readonly centroid: Float32Array;
}

/** The factors and bits of one slot. */
export interface BitCode {
  readonly step: number;
  readonly base: number;
  readonly error: number;
  readonly bits: Uint8Array;
}

/** A query in steps from -8 to 7. */
export interface BitQuery {
  readonly steps: Int8Array;
  readonly factor: number;
  readonly base: number;
  /** Length of the query less the centroid, and of its code's error for a rest of length 1. */
  readonly rest: number;
  readonly noise: number;
}

/** Rotates in place; four times as long afterwards. */
export function rotate(values: Float32Array, seed: number): void {
  const count = values.length;
  const part = 2 ** Math.floor(Math.log2(count));
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < count; i++) {
      if (((signsOf(seed, round, i >>> 5) >>> (i & 31)) & 1) !== 0) values[i] = -values[i];
    }
    const first = round % 2 === 0 ? 0 : count - part;
    transform(values.subarray(first, first + part));
    if (part !== count) turnHalves(values, count / 2);
  }
}

function signsOf(seed: number, round: number, word: number): number {
  let hash = (seed + Math.imul((round << 16) + word, 0x9e3779b1)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function transform(values: Float32Array): void {
  const scale = Math.fround(1 / Math.sqrt(values.length));
  for (let i = 0; i < values.length; i++) values[i] *= scale;
  for (let width = 1; width < values.length; width *= 2) {
    for (let block = 0; block < values.length; block += 2 * width) {
      turnHalves(values.subarray(block, block + 2 * width), width);
    }
  }
}

/** Pairs (a, b) of the two halves become (a + b, a - b). */
function turnHalves(values: Float32Array, half: number): void {
  for (let i = 0; i < half; i++) {
    const a = values[i];
    const b = values[i + half];
    values[i] = a + b;
    values[i + half] = a - b;
  }
}

export function encodeBits(column: BitColumn, vector: Float32Array): BitCode {
  const { metric, count } = column;
  const rest = restOf(column, vector, metric === METRIC_COSINE ? inverseNorm(vector) : 1);
  const rotated = rotatedRest(column, rest);
  const bits = new Uint8Array(count / 8);
  const signs = new Uint32Array(rotated.buffer);
  for (let i = 0; i < count; i++) bits[i >>> 3] |= (signs[i] >>> 31 === 0 ? 1 : 0) << (i & 7);
  const magnitudes = sumByFour(count, (i) => Math.abs(rotated[i]));
  const squares = sumByFour(count, (i) => rotated[i] * rotated[i]);
  const isZero = !(magnitudes > 0);
  const spread = isZero ? 0 : (count * squares) / (magnitudes * magnitudes) - 1;
  return {
    step: Math.fround(isZero ? 0 : (rest.length * Math.sqrt(squares)) / magnitudes),
    base: Math.fround(baseOf(metric, rest.squares, rest.center, rest.factor)),
    error: Math.fround(rest.length * Math.sqrt(Math.max(spread, 0) / (count - 1))),
    bits,
  };
}

export function prepareBits(column: BitColumn, query: Float32Array): BitQuery {
  const { metric, count, centroid } = column;
  const rest = restOf(column, query, metric === METRIC_COSINE ? inverseNormByFour(query) : 1);
  const center = rest.center + centroid.reduce((sum, value) => sum + value * value, 0);
  const shared = { base: baseOf(metric, rest.squares, center, rest.factor), rest: rest.length };
  const values = rotatedRest(column, rest);
  const squares = sumByFour(count, (i) => values[i] * values[i]);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const step = largest / 7.5;
  const steps = new Int8Array(count);
  if (!(step > 0)) return { ...shared, steps, factor: 0, noise: 0 };
  const inverse = Math.fround(1 / step);
  let stepSquares = 0;
  values.forEach((value, i) => {
    steps[i] = Math.min(Math.max(roundEven(Math.fround(value * inverse)), -8), 7);
    stepSquares += steps[i] * steps[i];
  });
  const ratio = Math.sqrt(squares) / sumByFour(count, (i) => values[i] * steps[i]);
  return {
    ...shared,
    steps,
    factor: (metric === METRIC_L2 ? 2 * rest.length : rest.length) * ratio,
    noise: Math.sqrt(Math.max(ratio * ratio * stepSquares - 1, 0)),
  };
}

/** The estimate of a distance, as the walk has it in its keys. */
export function bitDistance(metric: number, query: BitQuery, slot: BitCode): number {
  let product = 0;
  query.steps.forEach((step, i) => {
    product += ((slot.bits[i >>> 3] >>> (i & 7)) & 1) === 1 ? step : -step;
  });
  const distance = query.base + slot.base - query.factor * slot.step * product;
  return Math.fround(metric === METRIC_DOT ? distance : Math.max(distance, 0));
}

/** The standard error of that estimate. */
export function bitError(metric: number, query: BitQuery, slot: BitCode, distance: number): number {
  let across = query.rest;
  if (metric === METRIC_L2) across = Math.min(across, Math.sqrt(distance));
  if (metric === METRIC_COSINE) across = Math.min(across, Math.sqrt(2 * distance));
  const ofSigns = slot.error * across;
  const ofQuery = slot.step * query.noise * query.rest;
  const error = Math.sqrt(ofSigns * ofSigns + ofQuery * ofQuery);
  return Math.fround(metric === METRIC_L2 ? 2 * error : error);
}

interface Rest {
  readonly values: Float64Array;
  readonly squares: number;
  readonly length: number;
  /** Its product with the centroid. */
  readonly center: number;
  readonly factor: number;
}

function inverseNormByFour(vector: Float32Array): number {
  const fours = vector.length - (vector.length % 4);
  const tail = vector.subarray(fours).reduce((sum, value) => sum + value * value, 0);
  const squares = sumByFour(fours, (i) => vector[i] * vector[i]) + tail;
  return squares > 0 ? 1 / Math.sqrt(squares) : 0;
}

function restOf({ centroid }: BitColumn, vector: Float32Array, factor: number): Rest {
  const values = Float64Array.from(vector, (value, i) => value * factor - centroid[i]);
  const fours = values.length - (values.length % 4);
  let squares = sumByFour(fours, (i) => values[i] * values[i]);
  let center = sumByFour(fours, (i) => values[i] * centroid[i]);
  for (let i = fours; i < values.length; i++) {
    squares += values[i] * values[i];
    center += values[i] * centroid[i];
  }
  return { values, squares, length: Math.sqrt(squares), center, factor };
}

function rotatedRest(column: BitColumn, rest: Rest): Float32Array {
  const rotated = new Float32Array(column.count);
  const inverse = rest.squares > 0 ? 1 / rest.length : 0;
  rest.values.forEach((value, i) => {
    rotated[i] = value * inverse;
  });
  rotate(rotated, column.seed);
  return rotated;
}

function baseOf(metric: number, squares: number, center: number, factor: number): number {
  if (metric === METRIC_DOT) return -center;
  if (metric === METRIC_L2) return squares;
  return 0.5 * (factor === 0 ? squares + 1 : squares);
}

/** Sums up every fourth term by itself, as the lanes of a register go. */
function sumByFour(count: number, term: (i: number) => number): number {
  const sums = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) sums[i % 4] += term(i);
  return sums[0] + sums[2] + (sums[1] + sums[3]);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const isHalf = value - floor === 0.5;
  if (isHalf) return floor % 2 === 0 ? floor : floor + 1;
  return Math.floor(value + 0.5);
}
