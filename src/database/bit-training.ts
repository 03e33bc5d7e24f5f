/**
 * When a space gets its 1-bit codes: with the commit that brings it to so many vectors that searches walk,
 * as long as what the training makes at once is a small part of the memory.
 */
import type { Pace } from '../base/pace.ts';
import type { WriteBatch } from '../lsm/write-batch.ts';
import { trainsBits } from './auto-codes.ts';
import { TimeSlice } from './time-slice.ts';
import { PAGES_TREE } from './trees.ts';
import type { VectorStore } from './vector-store.ts';

/** A mean of fewer vectors would be a poor centroid; of more it is hardly a better one. */
export const VECTORS_MIN = 16;
const VECTORS_MAX = 2000;
/** Bits made by a training stay in memory until the next checkpoint. */
const MEMORY_SHARE = 1 / 32;

export interface TrainingLimits {
  /** Searches walk from so many vectors on. */
  readonly exactBelow: number;
  /** Of the module. */
  readonly memoryBytes: number;
  /** Of the writer. */
  readonly pace: Pace;
}

/** At the end of a plan, when all its vectors are put: trains if it is time. In slices of time. */
export async function trainBits(
  { vectors, options, vectorsBefore }: VectorStore,
  batch: WriteBatch,
  { exactBelow, memoryBytes, pace }: TrainingLimits,
): Promise<void> {
  const { bits, counters } = vectors;
  if (bits === undefined || bits.isReady) return;
  // Of more vectors a bulk load has decided.
  const isOpen = trainsBits(options.dimension) && vectorsBefore < VECTORS_MAX;
  if (options.codes === 'auto' && !isOpen) return;
  const affordable = Math.floor((memoryBytes * MEMORY_SHARE) / bits.geometry.stride);
  const wanted = Math.max(VECTORS_MIN, Math.min(exactBelow, VECTORS_MAX));
  if (counters.live < Math.min(wanted, affordable)) return;
  const slice = new TimeSlice(pace);
  for (const _ of bits.train()) if (slice.isOver) await slice.yield();
  const { hi, lo, value } = bits.trainedEntry;
  batch.set(PAGES_TREE, hi, lo, value);
}
