/** Latencies of single operations, and what a row says of them. */
import { percentile } from './statistics.ts';

export interface LatencyFigures {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** `latenciesMs` is sorted in place. */
export function latencyFigures(latenciesMs: Float64Array): LatencyFigures {
  latenciesMs.sort();
  const us = (percent: number): number => percentile(latenciesMs, percent) * 1000;
  return { p50Us: us(50), p99Us: us(99), p999Us: us(99.9), maxUs: us(100) };
}
