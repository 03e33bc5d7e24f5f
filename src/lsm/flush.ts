/** Sealed memtables, and what a checkpoint participant adds, as a job that makes tables of L0. */
import type { EngineCore } from './engine-core.ts';
import type { TreeEntry } from './engine-options.ts';
import { keyRangesOf } from './key-ranges.ts';
import { outputSettings } from './output-settings.ts';
import { removeOutputs } from './remove-outputs.ts';
import type { TableFile } from './table-file.ts';
import { type JobPart, numbersFor, type TableJob } from './table-job.ts';
import { type PackedEntries, packingEntries } from './tree-entry-cursor.ts';

/**
 * Writes what was committed up to `sequence` and is in no table: one run of tables for each tree that has
 * something to write, synced. The memtables stay as they are; if it fails, nothing has happened.
 */
export async function flushMemtables(
  core: EngineCore,
  sequence: number,
  entries: readonly TreeEntry[],
): Promise<TableFile[]> {
  const added = await packByTree(core, entries, sequence);
  const sealed = core.sealed.filter((one) => one.sequence <= sequence).map(({ shared }) => shared);
  const parts: JobPart[] = [];
  for (const { id } of core.options.trees) {
    const lists = sealed
      .filter(({ memtable }) => memtable.entryCountOf(id) > 0)
      .map(({ memtable }) => ({ arena: memtable.arena, head: memtable.headOf(id) }));
    const own = added.get(id);
    if (lists.length === 0 && own === undefined) continue;
    parts.push({
      output: outputSettings(core, id, { level: 0, isLast: false }),
      runs: [],
      memtables: lists,
      added: own,
      older: keyRangesOf(core.versions.current.runs(id)),
    });
  }
  const memtableBytes = sealed.reduce((sum, { memtable }) => sum + memtable.usedBytes, 0);
  const addedBytes = entries.reduce((sum, { value }) => sum + (value?.length ?? 0) + 16, 0);
  const bytes = memtableBytes + addedBytes;
  const numberCount = numbersFor(bytes, core.options.tableBytes, parts.length);
  const job: TableJob = {
    kind: 'flush',
    directory: core.directory,
    firstNumber: core.versions.reserveFileNumbers(numberCount),
    numberCount,
    snapshots: core.snapshots.sequences(),
    seededBugs: core.options.seededBugs,
    parts,
  };
  // Nobody may be given an arena that the job reads, whatever becomes of the checkpoint.
  for (const memtable of sealed) memtable.retain();
  try {
    return await runFlush(core, job);
  } finally {
    for (const memtable of sealed) memtable.release();
  }
}

/** In slices of time: there are some for each page that changed. */
async function packByTree(
  core: EngineCore,
  entries: readonly TreeEntry[],
  sequence: number,
): Promise<Map<number, PackedEntries>> {
  const byTree = new Map<number, TreeEntry[]>();
  for (const entry of entries) {
    const own = byTree.get(entry.tree);
    if (own === undefined) byTree.set(entry.tree, [entry]);
    else own.push(entry);
  }
  const added = new Map<number, PackedEntries>();
  for (const [tree, own] of byTree) {
    const { packed, work } = packingEntries(own, sequence);
    await core.slices.run(work);
    added.set(tree, packed);
  }
  return added;
}

async function runFlush(core: EngineCore, job: TableJob): Promise<TableFile[]> {
  const running = core.executor.start(job, new Map());
  try {
    while (!running.advance(core.slices.sliceMs)) await core.slices.turn();
    const { tables, begunCount, bytesWritten } = await running.result();
    const { firstNumber, numberCount } = job;
    core.versions.returnFileNumbers(firstNumber + begunCount, firstNumber + numberCount);
    core.counters.flushBytesWritten += bytesWritten;
    return tables.map((meta) => core.newTable(meta));
  } catch (error) {
    await removeOutputs(core, job, running);
    throw error;
  }
}
