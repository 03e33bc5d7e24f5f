/**
 * SQ8 in plain TypeScript: what the kernels of sq8.ts and encode.ts are tested against. The order of
 * the floating-point operations is the same, so results are equal to the last bit.
 */
import { METRIC_COSINE, METRIC_DOT, METRIC_L2 } from '../layout.ts';

/** The factors and bytes of one slot. */
export interface Sq8Code {
  readonly scale: number;
  readonly mean: number;
  readonly spread: number;
  readonly code: Uint8Array;
}

/** A query coded around its mean; `values` sum to zero. */
export interface Sq8Query {
  readonly scale: number;
  readonly mean: number;
  readonly spread: number;
  readonly values: Int16Array;
}

export function inverseNorm(vector: Float32Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return squares > 0 ? 1 / Math.sqrt(squares) : 0;
}

export function encodeSq8(metric: number, vector: Float32Array): Sq8Code {
  const factor = metric === METRIC_COSINE ? inverseNorm(vector) : 1;
  const values = Float64Array.from(vector, (value) => value * factor);
  const total = values.reduce((sum, value) => sum + value, 0);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const bottom = margin(values, low, high - low, 1);
  const top = margin(values, high, high - low - bottom, -1);
  const scale = Math.fround((high - low - bottom - top) / 255);
  const code = new Uint8Array(vector.length);
  let spread = 0;
  if (scale > 0) {
    let sum = 0;
    let squares = 0;
    values.forEach((value, i) => {
      const step = Math.min(Math.max(Math.floor((value - (low + bottom)) / scale + 0.5), 0), 255);
      code[i] = step;
      sum += step;
      squares += step * step;
    });
    spread = scale * scale * (squares - (sum * sum) / vector.length);
  }
  return {
    scale,
    mean: Math.fround(total / vector.length),
    spread: metric === METRIC_COSINE && factor === 0 ? 1 : Math.fround(spread),
    code,
  };
}

function margin(values: Float64Array, end: number, range: number, inward: number): number {
  const rounding = (width: number): number => (values.length * width * width) / 780300;
  let best = 0;
  let bestError = rounding(range);
  for (let k = 8; k >= 3; k--) {
    const cut = range / 2 ** k;
    let error = rounding(range - cut);
    for (const value of values) {
      const inside = (value - end) * inward;
      if (inside < cut) error += (cut - inside) * (cut - inside);
    }
    if (!(error < bestError)) break;
    bestError = error;
    best = cut;
  }
  return best;
}

/** The vector that a code stands for. */
export function decodeSq8(slot: Sq8Code): Float64Array {
  const codeMean = sumOf(slot.code) / slot.code.length;
  return Float64Array.from(slot.code, (step) => slot.mean + slot.scale * (step - codeMean));
}

export function prepareQuery(metric: number, query: Float32Array): Sq8Query {
  const factor = metric === METRIC_COSINE ? inverseNorm(query) : 1;
  const exact = Float64Array.from(query, (value) => value * factor);
  const mean = exact.reduce((sum, value) => sum + value, 0) / query.length;
  let largest = 0;
  let magnitudes = 0;
  for (const value of exact) {
    largest = Math.max(largest, Math.abs(value - mean));
    magnitudes += Math.abs(value - mean);
  }
  const scale = Math.max(largest / 32766, magnitudes / (8421504 - 16384 - 1));
  const values = new Int16Array(query.length);
  let squares = 0;
  if (scale > 0) {
    let carried = 0;
    let written = 0;
    exact.forEach((value, i) => {
      carried += (value - mean) / scale;
      values[i] = Math.floor(carried + 0.5) - written;
      written += values[i];
      squares += values[i] * values[i];
    });
  }
  const isZero = metric === METRIC_COSINE && factor === 0;
  return { scale, mean, spread: isZero ? 1 : scale * scale * squares, values };
}

/** Distance between a query and a code, as the walk has it in its keys. */
export function queryDistance(metric: number, query: Sq8Query, slot: Sq8Code): number {
  let dot = 0;
  for (let i = 0; i < slot.code.length; i++) dot += query.values[i] * slot.code[i];
  const product = query.scale * slot.scale * dot;
  return combine(
    metric,
    slot.code.length,
    query.mean,
    slot.mean,
    query.spread + slot.spread,
    product,
  );
}

/** Distance between two codes. */
export function codeDistance(metric: number, left: Sq8Code, right: Sq8Code): number {
  const n = left.code.length;
  let dot = 0;
  for (let i = 0; i < n; i++) dot += left.code[i] * right.code[i];
  const product = left.scale * right.scale * (dot - (sumOf(left.code) * sumOf(right.code)) / n);
  const spreads = spreadOf(left) + spreadOf(right);
  return combine(metric, n, left.mean, right.mean, spreads, product);
}

function spreadOf(slot: Sq8Code): number {
  if (slot.scale === 0) return slot.spread;
  const sum = sumOf(slot.code);
  const squares = slot.code.reduce((total, step) => total + step * step, 0);
  return slot.scale * slot.scale * (squares - (sum * sum) / slot.code.length);
}

function sumOf(code: Uint8Array): number {
  return code.reduce((sum, step) => sum + step, 0);
}

function combine(
  metric: number,
  n: number,
  left: number,
  right: number,
  spreads: number,
  product: number,
): number {
  if (metric === METRIC_DOT) return Math.fround(-(n * left * right + product));
  const shift = left - right;
  const squared = Math.max(n * shift * shift + spreads - 2 * product, 0);
  return Math.fround(metric === METRIC_L2 ? squared : 0.5 * squared);
}
