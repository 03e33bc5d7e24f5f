/**
 * Makes one whole log out of what damaged ones have left. A number that belonged to a lost commit is taken by
 * an empty one, so that the sequence has no hole.
 */
import { fileName } from '../file-names.ts';
import { type Commit, LogWriter } from '../log-writer.ts';
import { type Place, readBytes } from './base-version.ts';
import type { Loss } from './report.ts';
import { salvageLog } from './salvage-log.ts';

export interface JudgedLogs {
  /** Nothing is lost but, perhaps, a torn tail with nothing behind it: open can replay them. */
  readonly isWhole: boolean;
  /** Ascending: those behind `sequence`, and those before it whose attachments are needed. */
  readonly commits: readonly Commit[];
  readonly damaged: readonly string[];
  readonly lost: readonly Loss[];
}

const NOTHING = new Uint8Array(0);
/** Buffered bytes of the new log before they are written. */
const WRITE_BYTES = 1 << 20;

/** `numbers` are the logs behind the version, ascending, `sequence` is the last one in its tables. */
export function judgeLogs(
  place: Place,
  numbers: readonly number[],
  sequence: number,
  isVersionKnown: boolean,
): JudgedLogs {
  const { fileSystem, directory, hasher } = place;
  const logs = numbers.map((number) => {
    const path = `${directory}/${fileName('wal', number)}`;
    const salvaged = salvageLog({ bytes: readBytes(fileSystem, path), number, hasher });
    return { name: fileName('wal', number), path, ...salvaged };
  });
  const lastBegun = logs.findLastIndex(({ isBegun }) => isBegun);
  const damaged = new Set<string>();
  const commits: Commit[] = [];
  const lost: Loss[] = [];
  // The first log that a version names may begin with commits that a replay has brought into tables; their
  // attachments count. Without a version, nobody knows whether a checkpoint has covered them.
  const first = logs.find(({ commits: found }) => found.length > 0)?.commits[0].firstSequence;
  let last = isVersionKnown ? Math.min(sequence, (first ?? sequence + 1) - 1) : sequence;
  for (const [i, { name, path, gaps, tail, commits: found }] of logs.entries()) {
    // A torn tail is what a crash leaves of the newest log.
    for (const { from, to } of tail !== undefined && i < lastBegun ? [...gaps, tail] : gaps) {
      damaged.add(name);
      lost.push({ what: 'commits', where: path, detail: `none whole in bytes ${from} to ${to}` });
    }
    for (const commit of found) {
      if (commit.firstSequence !== last + 1) damaged.add(name);
      if (lastOf(commit) <= last) continue;
      if (commit.firstSequence > last + 1) {
        const detail = `those numbered ${last + 1} to ${commit.firstSequence - 1}`;
        lost.push({ what: 'commits', where: path, detail });
      }
      commits.push(commit);
      last = lastOf(commit);
    }
  }
  return { isWhole: damaged.size === 0, commits, damaged: [...damaged], lost };
}

/** The last number that a commit takes. */
function lastOf({ firstSequence, entryCount }: Commit): number {
  return firstSequence + Math.max(1, entryCount) - 1;
}

/** Writes the log with that number; on the device when the promise resolves. There is a commit. */
export async function writeLog(
  place: Place,
  number: number,
  commits: readonly Commit[],
): Promise<void> {
  const log = new LogWriter(number, place);
  try {
    let next = commits[0].firstSequence;
    for (const commit of commits) {
      for (; next < commit.firstSequence; next++) {
        log.append({ firstSequence: next, entryCount: 0, entries: NOTHING, attachments: NOTHING });
      }
      log.append(commit);
      next = lastOf(commit) + 1;
      if (log.size - log.writtenBytes > WRITE_BYTES) log.write();
    }
    log.appendMark();
    log.write();
    await log.sync();
  } finally {
    log.close();
  }
}
