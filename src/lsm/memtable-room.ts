/**
 * Room for a commit. A memtable does not grow: when a batch does not fit into what is left of the active
 * one, that is sealed and another one takes its place, large enough for the batch. So a commit is limited by
 * memory alone, nothing is copied, and readers of the sealed one are not disturbed.
 *
 * No log is switched: a log belongs to one checkpoint, which flushes all that was sealed before it.
 */
import { DatabaseError } from '../errors.ts';
import type { EngineCore } from './engine-core.ts';
import { ARENA_BYTES_MAX, batchRoom } from './memtable.ts';

/** A memtable that takes what the checkpoint was too late for has this share of a whole one, or more. */
const OVERFLOW_SHARE = 4;
/** Who never checkpoints gets ever larger memtables, so that reads have few to ask. */
const GROWTH_SHARE = 2;

/** `RESOURCE_EXHAUSTED` when the memory is not to be had; nothing has happened then. */
export function makeRoom(core: EngineCore, entryCount: number, byteSize: number): void {
  const { active } = core;
  if (active.memtable.hasRoom(entryCount, byteSize)) return;
  const { memtableBytes } = core.options;
  const needed = core.emptyMemtableBytes + batchRoom(entryCount, byteSize);
  const unflushed = core.sealed.reduce(
    (sum, { shared }) => sum + shared.memtable.usedBytes,
    active.memtable.usedBytes,
  );
  const late = unflushed < 2 * memtableBytes ? 0 : unflushed / GROWTH_SHARE;
  const wanted = Math.max(needed, memtableBytes / OVERFLOW_SHARE, late);
  const isEmpty = active.memtable.entryCount === 0;
  const fresh = newMemtable(core, needed, Math.ceil(wanted / 8) * 8);
  if (isEmpty) active.release();
  else core.sealed = [{ shared: active, sequence: core.appliedSequence }, ...core.sealed];
  core.active = fresh;
}

/** Of `wanted` bytes, or of `needed` alone where more is not to be had. */
function newMemtable(core: EngineCore, needed: number, wanted: number): EngineCore['active'] {
  const least = Math.ceil(needed / 8) * 8;
  if (least > ARENA_BYTES_MAX) throw exhausted(core, needed);
  for (const bytes of [Math.min(wanted, ARENA_BYTES_MAX), least]) {
    if (!core.mayTakeMemtable(bytes)) continue;
    try {
      return core.newMemtable(bytes);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
    }
  }
  throw exhausted(core, needed);
}

function exhausted(core: EngineCore, needed: number): DatabaseError {
  const hint = core.sealed.length > 0 ? 'checkpoint first, or ' : '';
  const message = `a commit needs ${needed} bytes in memtables, which are not to be had: ${hint}make it smaller`;
  return new DatabaseError('RESOURCE_EXHAUSTED', message);
}
