/**
 * Verifies the files beside the tables: the pointer, the version in force, and the logs. All are read from
 * the disk, whatever memory knows.
 */
import { DatabaseError, isDatabaseError } from '../errors.ts';
import type { EngineCore } from './engine-core.ts';
import type { CheckProblem } from './engine-options.ts';
import { fileName, POINTER_NAME, parseFileName } from './file-names.ts';
import { LogReader } from './log-reader.ts';
import { readBytes } from './repair/base-version.ts';
import { nextTurn } from './slices.ts';
import { decodePointer, encodeVersion } from './version-format.ts';
import { tryReadVersion } from './version-set.ts';

/** To be called between two installs. */
export function checkVersions(core: EngineCore, problems: CheckProblem[]): void {
  const { fileSystem, directory, hasher, versions } = core;
  const { number } = versions.current;
  // After a failed install nobody knows which version the pointer names.
  if (core.failure !== undefined) return;
  const pointer = `${directory}/${POINTER_NAME}`;
  const named = attempt(() => decodePointer(readBytes(fileSystem, pointer), pointer, hasher));
  if (named !== number) {
    const detail = isDatabaseError(named) ? named.message : `names ${named}, expected ${number}`;
    problems.push({ code: 'POINTER_DAMAGED', where: pointer, detail });
  }
  for (const name of fileSystem.list(directory)) {
    const parsed = parseFileName(name);
    if (parsed?.kind !== 'version') continue;
    const where = `${directory}/${name}`;
    const stored = tryReadVersion(fileSystem, directory, parsed.number, hasher);
    if (isDatabaseError(stored)) {
      // Another one that is not whole may be what an interrupted install has left: no damage.
      if (parsed.number !== number) continue;
      problems.push({ code: 'VERSION_DAMAGED', where, detail: stored.message });
    } else if (parsed.number === number) {
      const tables = versions.current.placedTables();
      const { logNumber, sequence } = versions.current;
      const expected = encodeVersion({ ...stored, tables, logNumber, sequence }, hasher);
      const isSame = Buffer.compare(expected, encodeVersion(stored, hasher)) === 0;
      const detail = 'says other tables or logs than the version in force';
      if (!isSame) problems.push({ code: 'VERSION_DAMAGED', where, detail });
    }
  }
}

/** Every commit that was published is in the logs behind the version, or in its tables. */
export async function checkLogs(core: EngineCore, problems: CheckProblem[]): Promise<void> {
  const published = core.publishedSequence;
  // With durability 'none' commits are published a turn before they are written.
  await nextTurn();
  await nextTurn();
  const { logNumber, sequence } = core.versions.current;
  const numbers = core.fileSystem
    .list(core.directory)
    .map(parseFileName)
    .flatMap((parsed) => (parsed?.kind === 'wal' ? [parsed.number] : []))
    .filter((number) => number >= logNumber)
    .sort((a, b) => a - b);
  let reached = sequence;
  let torn: string | undefined;
  /** The number that the next log must begin with. */
  let next: number | undefined;
  for (const number of numbers) {
    const where = `${core.directory}/${fileName('wal', number)}`;
    const report = (detail: string) => problems.push({ code: 'LOG_DAMAGED', where, detail });
    try {
      const log = await readLog(core, where, number);
      if (log.first !== undefined && torn !== undefined)
        report(`begun behind the torn log ${torn}`);
      if (log.first !== undefined) {
        // A replay may have brought the first commits of the first log into tables.
        const expected = next ?? Math.min(log.first, sequence + 1);
        if (log.first !== expected) {
          report(`begins with commit ${log.first}, expected ${expected}`);
        }
        next = Math.max(log.first, log.last + 1);
      }
      reached = Math.max(reached, log.last);
      if (log.isTorn) torn = where;
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      if (core.versions.current.logNumber > number) return; // A checkpoint has replaced the logs.
      report(error.message);
      return;
    }
  }
  if (reached >= published || core.versions.current.sequence > sequence) return;
  const detail = `the logs end with entry ${reached}, and ${published} was written`;
  problems.push({ code: 'LOG_DAMAGED', where: torn ?? core.directory, detail });
}

interface LogExtent {
  readonly first: number | undefined;
  readonly last: number;
  readonly isTorn: boolean;
}

async function readLog(core: EngineCore, path: string, number: number): Promise<LogExtent> {
  const file = core.fileSystem.open(path, 'read');
  try {
    const reader = new LogReader(file, number, core.hasher);
    let last = 0;
    await core.slices.run((isOver) => {
      for (let commit = reader.next(); commit !== undefined; commit = reader.next()) {
        const { firstSequence, entryCount } = commit;
        if (last > 0 && firstSequence !== last + 1) {
          throw new DatabaseError('CORRUPTION', `commit ${firstSequence} follows ${last}`);
        }
        last = firstSequence + Math.max(1, entryCount) - 1;
        if (isOver()) return false;
      }
      return true;
    });
    return { first: reader.firstSequence, last, isTorn: reader.isTorn };
  } finally {
    file.close();
  }
}

function attempt<T>(run: () => T): T | DatabaseError {
  try {
    return run();
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    return error;
  }
}
