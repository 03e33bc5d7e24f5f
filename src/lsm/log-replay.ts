/**
 * Replays the logs that the version leaves to be replayed, in order, into the active memtable, and what does
 * not fit into tables. The commits must follow each other without a hole, from the version's sequence or
 * before, and no log behind a torn one may have begun. Of commits that are in tables already, only the
 * attachments are replayed.
 */
import { CorruptionError, DatabaseError, isDatabaseError, type Location } from '../errors.ts';
import type { EngineCore, LiveLog } from './engine-core.ts';
import type { EngineOptions } from './engine-options.ts';
import { fileName } from './file-names.ts';
import { LogReader } from './log-reader.ts';
import type { Commit } from './log-writer.ts';
import { makeRoom } from './memtable-room.ts';
import { flushReplayed } from './replay-flush.ts';
import type { SlicedWork } from './slices.ts';
import { BatchReader, decodeAttachments } from './write-batch.ts';

export interface ReplayedLog extends LiveLog {
  /** Whether bytes that are no commit follow. */
  readonly isTorn: boolean;
}

export interface ReplayOptions {
  readonly replay: EngineOptions['replay'];
  /** Whether what does not fit the memtable may become tables. Else it takes memory. */
  readonly mayFlush: boolean;
}

/** `numbers` are those of the logs on disk, ascending. `bytes` of a log end with its last whole commit. */
export async function replayLogs(
  core: EngineCore,
  numbers: readonly number[],
  options: ReplayOptions,
): Promise<ReplayedLog[]> {
  const replay = new Replay(core, options);
  for (const number of numbers) await replay.log(number);
  replay.end();
  return replay.logs;
}

class Replay {
  readonly logs: ReplayedLog[] = [];
  readonly #core: EngineCore;
  readonly #options: ReplayOptions;
  #mayFlush: boolean;
  /** The number that the next commit must have; undefined before the first log. */
  #next: number | undefined;

  constructor(core: EngineCore, options: ReplayOptions) {
    this.#core = core;
    this.#options = options;
    this.#mayFlush = options.mayFlush;
  }

  async log(number: number): Promise<void> {
    const core = this.#core;
    const path = logPath(core, number);
    const file = core.fileSystem.open(path, 'read');
    try {
      const reader = new LogReader(file, number, core.hasher, core.options.seededBugs);
      let isBegun = false;
      let isEnded = false;
      /** Read, and waiting for room. */
      let waiting: Commit | undefined;
      const work: SlicedWork = (isOver) => {
        for (;;) {
          const commit = waiting ?? reader.next();
          waiting = undefined;
          if (!isBegun && reader.firstSequence !== undefined) {
            this.#begin(reader.firstSequence, path);
            isBegun = true;
          }
          isEnded = commit === undefined;
          if (commit === undefined) return true;
          if (this.#mustFlush(commit)) {
            waiting = commit;
            return true;
          }
          this.#apply(commit, { file: path, offset: reader.end });
          if (isOver()) return false;
        }
      };
      while (!isEnded) {
        await core.slices.run(work);
        if (!isEnded) await this.#flush([...this.logs.map((log) => log.number), number]);
      }
      this.logs.push({ number, bytes: reader.end, isTorn: reader.isTorn });
    } finally {
      file.close();
    }
  }

  /** Logs were on the device before their entries came into tables: they reach as far. */
  end(): void {
    const last = this.logs.at(-1);
    const { appliedSequence } = this.#core;
    if (last === undefined || this.#next === undefined || this.#next > appliedSequence) return;
    const what = `logs end before commit ${this.#next}, entries up to ${appliedSequence} are in tables`;
    throw new CorruptionError(what, { file: logPath(this.#core, last.number), offset: last.bytes });
  }

  /** A log whose head announces `firstSequence`. */
  #begin(firstSequence: number, path: string): void {
    const torn = this.logs.find(({ isTorn }) => isTorn);
    if (torn !== undefined) {
      const location = { file: logPath(this.#core, torn.number), offset: torn.bytes };
      throw new CorruptionError('a torn log that is not the newest', location);
    }
    const expected = this.#next ?? this.#core.appliedSequence + 1;
    // The first log may begin with commits whose entries an earlier replay has brought into tables.
    if (firstSequence !== expected && (this.#next !== undefined || firstSequence > expected)) {
      const what = `log begins with commit ${firstSequence}, expected ${expected}`;
      throw new CorruptionError(what, { file: path, offset: 0 });
    }
    this.#next = firstSequence;
  }

  #mustFlush({ entryCount, entries }: Commit): boolean {
    const { memtable } = this.#core.active;
    return (
      this.#mayFlush && memtable.entryCount > 0 && !memtable.hasRoom(entryCount, entries.length)
    );
  }

  /** Fails like the log, if a version is in doubt; else goes on without it, in memory. */
  async #flush(logs: readonly number[]): Promise<void> {
    const core = this.#core;
    try {
      for (const number of logs) await syncLog(core, number);
      await flushReplayed(core);
    } catch (error) {
      if (core.failure !== undefined || !isDatabaseError(error)) throw error;
      this.#mayFlush = false;
    }
  }

  #apply(commit: Commit, location: Location): void {
    const core = this.#core;
    const { firstSequence, entryCount, entries } = commit;
    if (core.options.seededBugs.has('recovery skips a hole in a log')) {
      this.#next = firstSequence;
      core.appliedSequence = Math.max(core.appliedSequence, firstSequence - 1);
    }
    if (firstSequence !== this.#next) {
      const what = `commit ${firstSequence} where ${this.#next} was expected`;
      throw new CorruptionError(what, location);
    }
    const attachments = decodeAttachments(commit.attachments);
    if (attachments === undefined || !isWhole(core, commit, location.file)) {
      throw new CorruptionError('malformed commit', location);
    }
    this.#next = firstSequence + Math.max(1, entryCount);
    if (this.#next > core.appliedSequence + 1) {
      if (firstSequence !== core.appliedSequence + 1) {
        throw new CorruptionError(`half of commit ${firstSequence} is in tables`, location);
      }
      makeRoom(core, entryCount, entries.length, 0);
      core.active.memtable.insert(entries, entryCount, firstSequence);
      core.appliedSequence = this.#next - 1;
    }
    for (const attachment of attachments) this.#options.replay?.(this.#next - 1, attachment);
  }
}

async function syncLog(core: EngineCore, number: number): Promise<void> {
  const file = core.fileSystem.open(logPath(core, number), 'readwrite');
  try {
    await file.datasync();
  } finally {
    file.close();
  }
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
