/**
 * Room for a commit. A memtable does not grow: when a batch does not fit into what is left of the active
 * one, that is sealed and another one takes its place, large enough for the batch. So a commit is limited by
 * memory alone, nothing is copied, and readers of the sealed one are not disturbed.
 *
 * No log is switched: a log belongs to one checkpoint, which flushes all that was sealed before it.
 */
import { DatabaseError } from '../errors.ts';
import type { EngineCore } from './engine-core.ts';
import { LOG_BUFFER_BYTES } from './log-writer.ts';
import { ARENA_BYTES_MAX, batchRoom } from './memtable.ts';

/** A memtable that takes what the checkpoint was too late for has this share of a whole one, or more. */
const OVERFLOW_SHARE = 4;
/** Who never checkpoints gets ever larger memtables, so that reads have few to ask. */
const GROWTH_SHARE = 2;

/**
 * `logGrowth` is what the log's buffer takes besides. `RESOURCE_EXHAUSTED` when the memory is not to be had;
 * nothing has happened then.
 */
export function makeRoom(
  core: EngineCore,
  entryCount: number,
  byteSize: number,
  logGrowth: number,
): void {
  const { active } = core;
  if (active.memtable.hasRoom(entryCount, byteSize)) {
    if (logGrowth === 0 || mayGrow(core, logGrowth)) return;
    const message = `a burst of commits fills memoryBytes, ${byteSize} bytes more: await committed() first`;
    throw new DatabaseError('RESOURCE_EXHAUSTED', message);
  }
  const { memtableBytes } = core.options;
  const needed = core.emptyMemtableBytes + batchRoom(entryCount, byteSize);
  const unflushed = core.sealed.reduce(
    (sum, { shared }) => sum + shared.memtable.usedBytes,
    active.memtable.usedBytes,
  );
  const late = unflushed < 2 * memtableBytes ? 0 : unflushed / GROWTH_SHARE;
  const wanted = Math.max(needed, memtableBytes / OVERFLOW_SHARE, late);
  const isEmpty = active.memtable.entryCount === 0;
  const sizes = [wanted, needed].map((bytes) => Math.ceil(bytes / 8) * 8);
  const fresh = newMemtable(core, sizes, logGrowth);
  if (isEmpty) active.release();
  else core.sealed = [{ shared: active, sequence: core.appliedSequence }, ...core.sealed];
  core.active = fresh;
}

/** Of the first of `sizes`, which descend, that is to be had. */
function newMemtable(
  core: EngineCore,
  sizes: readonly number[],
  logGrowth: number,
): EngineCore['active'] {
  for (const bytes of sizes) {
    if (bytes > ARENA_BYTES_MAX || !mayGrow(core, bytes + logGrowth)) continue;
    try {
      return core.newMemtable(bytes);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
    }
  }
  throw exhausted(core, sizes[sizes.length - 1]);
}

/** What a checkpoint needs, to seal what there is, is not given away. */
function mayGrow({ memory, pool }: EngineCore, bytes: number): boolean {
  return memory.mayGrow(bytes + pool.costOf(pool.arenaBytes) + LOG_BUFFER_BYTES);
}

function exhausted(core: EngineCore, needed: number): DatabaseError {
  const hint = core.sealed.length > 0 ? 'checkpoint first, or ' : '';
  const message = `a commit needs ${needed} bytes in memtables, which are not to be had: ${hint}make it smaller`;
  return new DatabaseError('RESOURCE_EXHAUSTED', message);
}
