/**
 * The encoder of SQ8 (see sq8.ts): from an f32 vector to the factors and bytes of a slot.
 *
 * The range is that of the values, less a margin at either end when cutting there costs less than
 * the finer steps gain. Squared error decides: eight bits seldom clip (a lone value a tenth of the range
 * away from the rest is worth keeping up to some 10,000 dimensions).
 */
import {
  METRIC_COSINE,
  SLOT_CODE,
  SLOT_MEAN,
  SLOT_SCALE,
  SLOT_SPREAD,
  SPACE_DIMENSION,
  SPACE_METRIC,
} from '../layout';
import { codeSum } from './dot';
import { inverseNorm } from './exact';

/** Margins that are tried: 0, and the range / 2^k for k from MARGIN_FIRST down to MARGIN_LAST. */
const MARGIN_FIRST: u32 = 8;
const MARGIN_LAST: u32 = 3;

/** Fills scale, mean, spread and code of a slot; the record number is left alone. */
export function encodeSq8(space: u32, vector: u32, slot: u32): void {
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const isCosine = load<u32>(space, SPACE_METRIC) == METRIC_COSINE;
  const factor = isCosine ? inverseNorm(vector, dimension) : 1;
  let low: f64 = Infinity;
  let high: f64 = -Infinity;
  let total: f64 = 0;
  for (let i: u32 = 0; i < dimension; i++) {
    const value = <f64>load<f32>(vector + (i << 2)) * factor;
    low = min(low, value);
    high = max(high, value);
    total += value;
  }
  const range = high - low;
  const bottom = margin(vector, dimension, factor, low, range, 1);
  const top = margin(vector, dimension, factor, high, range - bottom, -1);
  const scale = <f32>((range - bottom - top) / 255);
  const spread = fillCode(vector, dimension, factor, low + bottom, <f64>scale, slot + SLOT_CODE);
  store<f32>(slot, scale, SLOT_SCALE);
  store<f32>(slot, <f32>(total / <f64>dimension), SLOT_MEAN);
  store<f32>(slot, isCosine && factor == 0 ? 1 : <f32>spread, SLOT_SPREAD);
}

/** Writes the bytes, and returns the squared norm of the decoded vector less its mean. */
function fillCode(vector: u32, dimension: u32, factor: f64, low: f64, scale: f64, code: u32): f64 {
  if (!(scale > 0)) {
    memory.fill(code, 0, dimension);
    return 0;
  }
  let sum: f64 = 0;
  let squares: f64 = 0;
  for (let i: u32 = 0; i < dimension; i++) {
    const value = <f64>load<f32>(vector + (i << 2)) * factor;
    const step = min(max(Math.floor((value - low) / scale + 0.5), 0), 255);
    store<u8>(code + i, <u8>(<i32>step));
    sum += step;
    squares += step * step;
  }
  return scale * scale * (squares - (sum * sum) / <f64>dimension);
}

/**
 * How much to cut from one end of the range. The error of a step is scale^2 / 12 a value; the error of
 * cutting is the sum of squares of what stands out. Only the outermost eighth has to be looked at.
 */
function margin(vector: u32, dimension: u32, factor: f64, end: f64, range: f64, inward: f64): f64 {
  let best: f64 = 0;
  let bestError = roundingError(dimension, range);
  for (let k = MARGIN_FIRST; k >= MARGIN_LAST; k--) {
    const cut = range / <f64>(1 << k);
    let error = roundingError(dimension, range - cut);
    for (let i: u32 = 0; i < dimension && error < bestError; i++) {
      const inside = (<f64>load<f32>(vector + (i << 2)) * factor - end) * inward;
      if (inside < cut) error += (cut - inside) * (cut - inside);
    }
    if (!(error < bestError)) break;
    bestError = error;
    best = cut;
  }
  return best;
}

@inline
function roundingError(dimension: u32, range: f64): f64 {
  return (<f64>dimension * range * range) / 780300;
}

/** Writes the vector that a slot stands for, f32[dimension]: for the cosine metric the normalised one. */
export function decodeSq8(space: u32, slot: u32, vector: u32): void {
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const scale = <f64>load<f32>(slot, SLOT_SCALE);
  const mean = <f64>load<f32>(slot, SLOT_MEAN);
  const codeMean = <f64>codeSum(slot + SLOT_CODE, dimension) / <f64>dimension;
  for (let i: u32 = 0; i < dimension; i++) {
    const step = <f64>load<u8>(slot + SLOT_CODE + i);
    store<f32>(vector + (i << 2), <f32>(mean + scale * (step - codeMean)));
  }
}
