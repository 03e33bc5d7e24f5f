/** What can be filled at once, and how much of it memory is large enough for. */
import { buildLimits } from '../hnsw/build-graph.ts';
import { ARRAY_BYTES } from './bulk-memory.ts';
import type { CollectionStore } from './collection-store.ts';
import { slotKind } from './space-geometry.ts';
import type { Stores } from './stores.ts';

/** What is left to reads and to other collections. */
const MEMORY_SHARE = 0.97;

/** How many vectors are built in one piece, how many vectors at all, how many contents, by how many workers. */
export interface BulkLimits {
  readonly whole: number;
  readonly vectors: number;
  readonly contents: number;
  readonly threads: number;
}

/** Whether nothing was ever stored there. */
export function isUntouched({ counters, vectorStores }: CollectionStore): boolean {
  const hasPages = vectorStores.some(({ vectors }) => vectors.counters.pages > 0);
  return counters.nextRecord === 0 && !hasPages;
}

/** What memory is large enough for, or that share of it. */
export function bulkLimits(stores: Stores, store: CollectionStore, share: number): BulkLimits {
  const { allocator, walks, insertWalks, bulk } = stores;
  // Idle scratches lie where large runs go.
  walks.release();
  insertWalks.release();
  const bytes = (allocator.totalBytes - allocator.stats().runBytes) * MEMORY_SHARE * share;
  const { dimension, m, codes } = store.entry.options;
  const size = { dimension, m, slots: slotKind(codes) };
  const { whole, sharded, threads } = buildLimits(size, bytes);
  return {
    whole: Math.min(whole, bulk.shardNodesMax),
    vectors: sharded,
    contents: Math.floor(((bulk.bytesMax - bulk.bytes) * share) / ARRAY_BYTES),
    threads,
  };
}
