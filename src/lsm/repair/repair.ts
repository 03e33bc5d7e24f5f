/**
 * Makes a usable engine out of what is left of a damaged one.
 *
 * - Nothing is changed in place. New tables and a new log are written beside the old files, then a new
 *   version, then the pointer: until then the directory is what it was, and a repair that was interrupted is
 *   begun again. Files that are not needed any more are moved to the folder `lost` at the very end.
 * - A tree with a damaged table is written anew from every entry that is left; whole trees stay.
 * - Logs are replayed as far as they go, and behind damage go on with the next whole commit. So the state is
 *   not a prefix of the commits any more, but every entry in it was once written.
 * - What a lost deletion or a lost newer value had hidden may come back: the newest that is left counts.
 */
import { CorruptionError, DatabaseError } from '../../errors.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { isLinkRefused } from '../../storage/io-error.ts';
import { refuseUnfinished } from '../../storage/unfinished.ts';
import { LsmEngine } from '../engine.ts';
import type { EngineOptions, TreeSpec } from '../engine-options.ts';
import { fileName, POINTER_NAME, POINTER_TEMPORARY_NAME } from '../file-names.ts';
import { resolveOptions } from '../resolve-options.ts';
import {
  encodePointer,
  encodeVersion,
  LEVEL_COUNT,
  type PlacedTable,
  type StoredTree,
  type StoredVersion,
} from '../version-format.ts';
import { type BaseVersion, findBaseVersion, type Place } from './base-version.ts';
import { type Judgement, judgeTables } from './judge-tables.ts';
import { type JudgedLogs, judgeLogs, writeLog } from './repair-logs.ts';
import type { RepairReport } from './report.ts';
import { rewriteTree } from './rewrite-tree.ts';

/** Where files go that are not in use any more. */
const LOST_DIRECTORY = 'lost';

/**
 * `options` are those that the engine is opened with; nobody has it open. Reads every file. `NOT_FOUND`
 * without any file of an engine, `CORRUPTION` for the rest of an unfinished backup, `UNSUPPORTED_FORMAT`, `IO`.
 */
export async function repairEngine(
  fileSystem: FileSystem,
  directory: string,
  options: EngineOptions,
): Promise<RepairReport> {
  const resolved = resolveOptions(options);
  if (!fileSystem.exists(directory)) throw nothingThere(directory);
  refuseUnfinished(fileSystem, directory);
  const place = { fileSystem, directory, hasher: options.hasher };
  const base = findBaseVersion(place);
  const { table, wal, version } = base.files;
  if (table.length + wal.length + version.length === 0) throw nothingThere(directory);
  const judgement = judgeTables(place, base);
  let report: RepairReport;
  try {
    const sequence = sequenceOf(base, judgement);
    const behind = wal.filter((number) => number >= (base.stored?.logNumber ?? 0));
    const logs = judgeLogs(place, behind, sequence, base.stored !== undefined);
    const damaged = [...base.damaged, ...judgement.damaged, ...logs.damaged];
    const lost = [...base.lost, ...judgement.lost, ...logs.lost];
    const repair = new Repair(place, resolved, { base, judgement, logs, sequence });
    if (base.stored !== undefined && damaged.length + lost.length === 0) {
      report = { wasSound: true, recovered: repair.recovered, lost, movedFiles: [] };
    } else {
      await repair.run();
      const movedFiles = moveFiles(place, [...new Set([...damaged, ...repair.replaced])]);
      report = { wasSound: false, recovered: repair.recovered, lost, movedFiles };
    }
  } finally {
    judgement.close();
  }
  await checkRepaired(fileSystem, directory, options);
  return report;
}

/** Of the last commit in the tables, as far as that is known. */
function sequenceOf({ stored, hint }: BaseVersion, { tables }: Judgement): number {
  if (stored !== undefined) return stored.sequence;
  const most = (last: number, each: { largestSequence: number }): number =>
    Math.max(last, each.largestSequence);
  return tables.reduce(most, hint?.sequence ?? 0);
}

interface Findings {
  readonly base: BaseVersion;
  readonly judgement: Judgement;
  readonly logs: JudgedLogs;
  readonly sequence: number;
}

class Repair {
  readonly recovered = { tables: 0, entries: 0, commits: 0 };
  /** Names of whole files that are not needed any more. */
  readonly replaced: string[] = [];
  readonly #place: Place;
  readonly #options: ReturnType<typeof resolveOptions>;
  readonly #findings: Findings;
  #nextNumber: number;

  constructor(place: Place, options: ReturnType<typeof resolveOptions>, findings: Findings) {
    const { base, judgement } = findings;
    this.#place = place;
    this.#options = options;
    this.#findings = findings;
    const { table, wal, version } = base.files;
    const numbers = [...table, ...wal, ...version];
    const after = numbers.reduce((most, number) => Math.max(most, number), 0) + 1;
    this.#nextNumber = Math.max(after, base.stored?.nextFileNumber ?? 1);
    this.recovered.tables = judgement.tables.length;
    for (const { entries } of judgement.tables) this.recovered.entries += entries;
  }

  async run(): Promise<void> {
    const { base, logs, sequence } = this.#findings;
    const { fileSystem, directory } = this.#place;
    const tables = await this.#tables();
    let { logNumber = 0 } = base.stored ?? {};
    let versionSequence = sequence;
    if (base.stored === undefined || !logs.isWhole) {
      logNumber = this.#newNumber();
      const [first] = logs.commits;
      // The numbers of commits that are lost before the first one need no place in the log.
      if (first !== undefined) versionSequence = Math.max(sequence, first.firstSequence - 1);
      if (first !== undefined) await writeLog(this.#place, logNumber, logs.commits);
      this.recovered.commits = logs.commits.length;
      const old = base.files.wal.map((number) => fileName('wal', number));
      this.replaced.push(...old);
    }
    fileSystem.syncDirectory(directory);
    await this.#install({ logNumber, sequence: versionSequence, tables });
  }

  /** Of the repaired version, in its order. */
  async #tables(): Promise<PlacedTable[]> {
    const { base, judgement } = this.#findings;
    const placed: PlacedTable[] = [];
    const trees = new Set(judgement.tables.map(({ tree }) => tree));
    for (const id of [...trees].sort((a, b) => a - b)) {
      const own = judgement.tables.filter(({ tree }) => tree === id);
      const stored = base.stored?.tables.filter(({ meta }) => meta.tree === id);
      if (stored !== undefined && own.every(({ isWhole }) => isWhole)) placed.push(...stored);
      else placed.push(...(await this.#rewrite(id)));
    }
    this.recovered.tables = placed.length;
    return placed;
  }

  async #rewrite(id: number): Promise<PlacedTable[]> {
    const { tables } = this.#findings.judgement;
    const spec = this.#options.trees.find((tree) => tree.id === id);
    if (spec === undefined) {
      const message = `trees: there are tables of tree ${id}, which was not given`;
      throw new DatabaseError('INVALID_ARGUMENT', message);
    }
    const own = tables.filter(({ tree }) => tree === id);
    for (const { number, isWhole } of own) {
      if (isWhole) this.replaced.push(fileName('table', number));
    }
    const sources = own.map((table) => table.cursor()).filter((cursor) => cursor !== undefined);
    const { blockBytes, tableBytes } = this.#options;
    const level = LEVEL_COUNT - 1;
    const newNumber = (): number => this.#newNumber();
    const options = { spec, level, blockBytes, tableBytes, newNumber };
    const metas = await rewriteTree(this.#place, sources, options);
    return metas.map((meta) => ({ level, run: metas[0].number, meta }));
  }

  async #install(state: Pick<StoredVersion, 'logNumber' | 'sequence' | 'tables'>): Promise<void> {
    const { fileSystem, directory, hasher } = this.#place;
    const number = this.#newNumber();
    const trees = this.#options.trees.map(toStored).sort((a, b) => a.id - b.id);
    const version = { ...state, number, nextFileNumber: this.#nextNumber, trees };
    await this.#write(fileName('version', number), encodeVersion(version, hasher));
    fileSystem.syncDirectory(directory);
    fileSystem.remove(`${directory}/${POINTER_TEMPORARY_NAME}`);
    await this.#write(POINTER_TEMPORARY_NAME, encodePointer(number, hasher));
    fileSystem.rename(`${directory}/${POINTER_TEMPORARY_NAME}`, `${directory}/${POINTER_NAME}`);
    fileSystem.syncDirectory(directory);
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const file = this.#place.fileSystem.open(`${this.#place.directory}/${name}`, 'create');
    try {
      file.write(bytes, 0);
      await file.datasync();
    } finally {
      file.close();
    }
  }

  #newNumber(): number {
    return this.#nextNumber++;
  }
}

function toStored({ id, name, mergeOperator }: TreeSpec): StoredTree {
  return { id, name, mergeOperator: mergeOperator ?? '' };
}

/** Out of the way, but not away. The pointer has been replaced. */
function moveFiles({ fileSystem, directory }: Place, names: readonly string[]): string[] {
  const lost = `${directory}/${LOST_DIRECTORY}`;
  const present = names.filter(
    (name) => name !== POINTER_NAME && fileSystem.exists(`${directory}/${name}`),
  );
  if (present.length === 0) return [];
  fileSystem.makeDirectory(lost);
  // The new name is on the device before the old one goes.
  const moved = present.filter((name) =>
    tryLink(fileSystem, `${directory}/${name}`, `${lost}/${name}`),
  );
  fileSystem.syncDirectory(lost);
  for (const name of moved) fileSystem.remove(`${directory}/${name}`);
  fileSystem.syncDirectory(directory);
  return moved;
}

/** False where the file system has no links: the file stays where it is. */
function tryLink(fileSystem: FileSystem, source: string, target: string): boolean {
  // From an earlier repair that was interrupted: a number is given once.
  if (fileSystem.exists(target)) return true;
  try {
    fileSystem.link(source, target);
    return true;
  } catch (error) {
    if (!isLinkRefused(error)) throw error;
    return false;
  }
}

async function checkRepaired(
  fileSystem: FileSystem,
  directory: string,
  options: EngineOptions,
): Promise<void> {
  const { replay: _, ...rest } = options;
  const engine = await LsmEngine.open(fileSystem, directory, { ...rest, readOnly: true });
  try {
    const { problems } = await engine.check();
    if (problems.length === 0) return;
    const { code, where, detail } = problems[0];
    throw new CorruptionError(`repair left ${code}: ${detail}`, { file: where, offset: 0 });
  } finally {
    await engine.close();
  }
}

function nothingThere(directory: string): DatabaseError {
  return new DatabaseError('NOT_FOUND', `there is no database in ${directory}`);
}
