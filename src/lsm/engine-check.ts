/**
 * Looks at everything that a version names: present, whole, in order, in its place. Tables are opened anew,
 * so that damage is found that came after they were read.
 */
import { CorruptionError } from '../errors.ts';
import { checkLogs, checkVersions } from './check-files.ts';
import type { EngineCore } from './engine-core.ts';
import type { CheckProblem, CheckResult } from './engine-options.ts';
import { compareKeys } from './entry.ts';
import { nextTurn } from './slices.ts';
import type { TableFile } from './table-file.ts';

/** Reads every table once, one per turn of the event loop. */
export async function checkEngine(core: EngineCore): Promise<CheckResult> {
  const problems: CheckProblem[] = [];
  const version = core.versions.current;
  version.retain();
  try {
    for (const tree of version.treeIds) {
      for (const { tables } of version.runs(tree)) {
        checkOrder(tables, problems);
        for (const table of tables) {
          checkTable(core.newTable(table.meta), version.sequence, problems);
          await nextTurn();
        }
      }
    }
  } finally {
    version.release();
  }
  checkSequences(core, problems);
  await core.versions.betweenInstalls(() => checkVersions(core, problems));
  await checkLogs(core, problems);
  return { ok: problems.length === 0, problems };
}

function checkOrder(tables: readonly TableFile[], problems: CheckProblem[]): void {
  for (let i = 1; i < tables.length; i++) {
    const { largestHi, largestLo } = tables[i - 1].meta;
    const { smallestHi, smallestLo } = tables[i].meta;
    if (compareKeys(largestHi, largestLo, smallestHi, smallestLo) < 0) continue;
    const detail = `overlaps ${tables[i - 1].path}`;
    problems.push({ code: 'LEVEL_OVERLAP', where: tables[i].path, detail });
  }
}

function checkTable(table: TableFile, sequence: number, problems: CheckProblem[]): void {
  const { path, meta } = table;
  const report = (code: string, detail: string) => problems.push({ code, where: path, detail });
  try {
    const reader = table.reader();
    reader.check((what, offset) => report('TABLE_DAMAGED', `${what} (offset ${offset})`));
    const { smallestSequence, largestSequence } = reader.properties;
    if (smallestSequence !== meta.smallestSequence || largestSequence !== meta.largestSequence) {
      report('TABLE_MISPLACED', 'sequences differ from those that the version names');
    }
    if (largestSequence > sequence) {
      report('TABLE_MISPLACED', `sequence ${largestSequence} in a version of ${sequence}`);
    }
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    report('TABLE_DAMAGED', error.message);
  } finally {
    table.close();
  }
}

function checkSequences(core: EngineCore, problems: CheckProblem[]): void {
  const { appliedSequence, publishedSequence, versions, directory } = core;
  const { sequence } = versions.current;
  if (sequence <= appliedSequence && publishedSequence <= appliedSequence) return;
  const detail = `version ${sequence}, published ${publishedSequence}, applied ${appliedSequence}`;
  problems.push({ code: 'SEQUENCE_ORDER', where: directory, detail });
}
