/**
 * Replays the logs that the version leaves to be replayed, in order, into the active memtable. The commits
 * must follow the version's sequence without a hole, and no log behind a torn one may have begun.
 */
import { CorruptionError, DatabaseError, type Location } from '../errors.ts';
import type { EngineCore, LiveLog } from './engine-core.ts';
import type { EngineOptions } from './engine-options.ts';
import { fileName } from './file-names.ts';
import { LogReader } from './log-reader.ts';
import type { Commit } from './log-writer.ts';
import { makeRoom } from './memtable-room.ts';
import { BatchReader, decodeAttachments } from './write-batch.ts';

export interface ReplayedLog extends LiveLog {
  /** Whether bytes that are no commit follow. */
  readonly isTorn: boolean;
}

/** `numbers` are those of the logs on disk, ascending. `bytes` of a log end with its last whole commit. */
export async function replayLogs(
  core: EngineCore,
  numbers: readonly number[],
  replay: EngineOptions['replay'],
): Promise<ReplayedLog[]> {
  const replayed: ReplayedLog[] = [];
  for (const number of numbers) {
    const path = logPath(core, number);
    const file = core.fileSystem.open(path, 'read');
    try {
      const reader = new LogReader(file, number, core.hasher, core.options.seededBugs);
      let isBegun = false;
      await core.slices.run((isOver) => {
        for (;;) {
          const commit = reader.next();
          if (!isBegun && reader.firstSequence !== undefined) {
            checkStart(core, reader.firstSequence, path, replayed);
            isBegun = true;
          }
          if (commit === undefined) return true;
          applyCommit(core, commit, { file: path, offset: reader.end }, replay);
          if (isOver()) return false;
        }
      });
      replayed.push({ number, bytes: reader.end, isTorn: reader.isTorn });
    } finally {
      file.close();
    }
  }
  return replayed;
}

/**
 * Cuts torn tails off and syncs the logs: later commits, in later logs, must not become durable while
 * these still could vanish.
 */
export async function settleLogs(core: EngineCore, logs: readonly ReplayedLog[]): Promise<void> {
  for (const { number, bytes, isTorn } of logs) {
    const file = core.fileSystem.open(logPath(core, number), 'readwrite');
    try {
      const isLeft = core.options.seededBugs.has('a torn tail is left in its log');
      if (isTorn && !isLeft) file.truncate(bytes);
      await file.datasync();
    } finally {
      file.close();
    }
  }
}

function logPath(core: EngineCore, number: number): string {
  return `${core.directory}/${fileName('wal', number)}`;
}

function checkStart(
  core: EngineCore,
  firstSequence: number,
  path: string,
  before: readonly ReplayedLog[],
): void {
  const torn = before.find(({ isTorn }) => isTorn);
  if (torn !== undefined) {
    const location = { file: logPath(core, torn.number), offset: torn.bytes };
    throw new CorruptionError('a torn log that is not the newest', location);
  }
  if (firstSequence === core.appliedSequence + 1) return;
  const what = `log begins with commit ${firstSequence}, expected ${core.appliedSequence + 1}`;
  throw new CorruptionError(what, { file: path, offset: 0 });
}

function applyCommit(
  core: EngineCore,
  commit: Commit,
  location: Location,
  replay: EngineOptions['replay'],
): void {
  const { firstSequence, entryCount, entries } = commit;
  if (core.options.seededBugs.has('recovery skips a hole in a log')) {
    core.appliedSequence = firstSequence - 1;
  }
  if (firstSequence !== core.appliedSequence + 1) {
    const what = `commit ${firstSequence} follows ${core.appliedSequence}`;
    throw new CorruptionError(what, location);
  }
  const attachments = decodeAttachments(commit.attachments);
  if (attachments === undefined || !isWhole(core, commit, location.file)) {
    throw new CorruptionError('malformed commit', location);
  }
  makeRoom(core, entryCount, entries.length, 0);
  core.active.memtable.insert(entries, entryCount, firstSequence);
  core.appliedSequence += Math.max(1, entryCount);
  for (const attachment of attachments) replay?.(core.appliedSequence, attachment);
}

function isWhole(core: EngineCore, commit: Commit, file: string): boolean {
  const reader = new BatchReader(commit.entries);
  let count = 0;
  for (; reader.next(); count++) {
    if (core.hasTree(reader.tree)) continue;
    const message = `trees: ${file} has entries of tree ${reader.tree}, which was not given`;
    throw new DatabaseError('INVALID_ARGUMENT', message);
  }
  return !reader.isDamaged && count === commit.entryCount;
}
