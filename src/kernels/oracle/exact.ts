/** Exact distances in f64: squared l2, 1 - cos or -dot. */
import { METRIC_DOT, METRIC_L2 } from '../layout.ts';

export function exactDistance(metric: number, left: Float32Array, right: Float32Array): number {
  let squared = 0;
  let dot = 0;
  let leftSquares = 0;
  let rightSquares = 0;
  for (let i = 0; i < left.length; i++) {
    squared += (left[i] - right[i]) ** 2;
    dot += left[i] * right[i];
    leftSquares += left[i] ** 2;
    rightSquares += right[i] ** 2;
  }
  if (metric === METRIC_L2) return squared;
  if (metric === METRIC_DOT) return -dot;
  if (leftSquares === 0 || rightSquares === 0) return 1;
  return 1 - dot / Math.sqrt(leftSquares) / Math.sqrt(rightSquares);
}
