/**
 * Commits: into the log's buffer, then into the memtable, then visible. Whatever can fail comes before the
 * log hears of it.
 *
 * A large commit can be made in slices of time: its entries go into the memtable under numbers that no
 * reader sees yet, the log gets them whole, and it becomes visible in one moment. Nothing else is written
 * or sealed in between.
 */
import { assert } from '../base/assert.ts';
import { checkBatch, checkBatchSliced } from './check-batch.ts';
import type { CommitLog } from './commit-log.ts';
import type { EngineCore } from './engine-core.ts';
import type { Commit } from './log-writer.ts';
import { makeRoom } from './memtable-room.ts';
import { inOrder } from './slices.ts';
import type { WriteBatch } from './write-batch.ts';

/** Returns the commit's last sequence number. */
export function writeCommit(core: EngineCore, batch: WriteBatch): number {
  const log = requireTurn(core);
  if (batch.byteSize === 0) return core.appliedSequence;
  checkBatch(core, batch.entryBytes());
  const { commit, sequence } = numbered(core, batch);
  makeRoom(core, commit.entryCount, commit.entries.length, log.growthFor(batch.byteSize));
  log.append(commit, sequence);
  core.active.memtable.insert(commit.entries, commit.entryCount, commit.firstSequence);
  return apply(core, sequence);
}

/**
 * As `writeCommit`. The batch stays as it is until the promise is settled. `onApplied` is called in the
 * moment in which the commit becomes visible, and must not throw.
 */
export async function writeCommitSliced(
  core: EngineCore,
  batch: WriteBatch,
  onApplied: (sequence: number) => void,
): Promise<number> {
  requireTurn(core);
  if (batch.byteSize === 0) {
    onApplied(core.appliedSequence);
    return core.appliedSequence;
  }
  const writing = writeInSlices(core, batch, onApplied);
  core.writing = writing.then(noop, noop);
  try {
    return await writing;
  } finally {
    core.writing = undefined;
  }
}

async function writeInSlices(
  core: EngineCore,
  batch: WriteBatch,
  onApplied: (sequence: number) => void,
): Promise<number> {
  const { commit, sequence } = numbered(core, batch);
  const { entries, entryCount, firstSequence } = commit;
  const stages = [
    () => checkBatchSliced(core, entries),
    () => {
      const growth = core.requireWritable().growthFor(batch.byteSize);
      makeRoom(core, entryCount, entries.length, growth);
      return core.active.memtable.insertion(entries, entryCount, firstSequence);
    },
    // A failure meanwhile ends all writing, so that the numbers are not given again.
    () => core.requireWritable().appending(commit),
  ];
  await core.slices.run(inOrder(stages));
  core.requireWritable().appended(sequence);
  apply(core, sequence);
  onApplied(sequence);
  return sequence;
}

function requireTurn(core: EngineCore): CommitLog {
  const log = core.requireWritable();
  assert(!core.isIngesting, 'no commit lies between the tables of an ingest and their install');
  assert(core.writing === undefined, 'a write waits for the sliced one before it');
  return log;
}

function numbered(core: EngineCore, batch: WriteBatch): { commit: Commit; sequence: number } {
  const { entryCount } = batch;
  const sequence = core.appliedSequence + Math.max(1, entryCount);
  assert(sequence <= Number.MAX_SAFE_INTEGER, 'sequence numbers are below 2^53');
  const commit = {
    firstSequence: core.appliedSequence + 1,
    entryCount,
    entries: batch.entryBytes(),
    attachments: batch.attachmentBytes(),
  };
  return { commit, sequence };
}

function apply(core: EngineCore, sequence: number): number {
  core.appliedSequence = sequence;
  core.counters.commits++;
  return sequence;
}

function noop(): void {}
