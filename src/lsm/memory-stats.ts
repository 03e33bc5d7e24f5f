/** What an engine holds in memory, in bytes, part by part. */
export interface MemoryStats {
  /** Infinity when no budget was given. */
  readonly budgetBytes: number;
  /** Arenas: active, sealed, spare, and those that readers hold. */
  readonly memtableBytes: number;
  /** Frames, and the buffer that blocks are read into. */
  readonly blockCacheBytes: number;
  /** Indexes and filters of open tables. */
  readonly tableReaderBytes: number;
  /** The buffers that commits wait in. */
  readonly logBufferBytes: number;
  /** Set aside for flushes and compactions. */
  readonly jobBytes: number;
  /** The sum. */
  readonly totalBytes: number;
}
