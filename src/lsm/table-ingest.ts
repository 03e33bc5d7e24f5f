/**
 * Tables made outside of memtables and log: one commit that is too large for them, such as a bulk build.
 * Entries come sorted, are written straight into tables, and are installed in one version, with one
 * sequence number for all of them.
 *
 *   nothing is in memtables or logs that no table has (the caller has checkpointed)
 *   → tables, synced → version with the next sequence number → that number is applied and published
 *
 * - All or nothing: until the version is installed no reader and no recovery sees any of it, and what was
 *   written is removed when it fails, or at the next open.
 * - No other commit lies between: the engine takes none from the beginning to the install. The log has
 *   none of it, and its next commit follows the version's sequence, as recovery requires.
 * - A tree that has no tables gets its entries in the last level, where nothing ever moves them. In any
 *   other tree they form one run of L0: its keys may lie among those of the runs below.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import type { EntryCursor } from './cursor.ts';
import type { EngineCore } from './engine-core.ts';
import { compareKeys, type EntryKind, MERGE, SET } from './entry.ts';
import { fileName } from './file-names.ts';
import { FoldStream } from './fold-stream.ts';
import { installVersion } from './install.ts';
import { outputSettings } from './output-settings.ts';
import type { TableFile } from './table-file.ts';
import { type NewTable, TableOutput } from './table-output.ts';
import { mayContainKey } from './version.ts';
import { LEVEL_COUNT } from './version-format.ts';

/** `value` is borrowed until the next entry is asked for. */
export interface IngestedEntry {
  readonly hi: number;
  readonly lo: number;
  readonly value: Uint8Array;
}

/** Takes the entries of one ingest; comes from `LsmEngine.ingestTables` and is of no use after it. */
export class TableIngest {
  /** Of all entries. */
  readonly sequence: number;
  readonly #core: EngineCore;
  readonly #outputs: { readonly level: number; readonly output: TableOutput }[] = [];
  readonly #trees: Set<number> = new Set();

  constructor(core: EngineCore) {
    this.#core = core;
    this.sequence = core.appliedSequence + 1;
  }

  /**
   * Writes the entries of a tree, once for each tree: in key order, no key twice; as SET, or as operands of
   * the tree's merge operator. Pulls them in slices of the event loop's time; an error that they throw
   * ends the ingest.
   */
  async add(
    tree: number,
    entries: Iterable<IngestedEntry>,
    form: 'set' | 'merge' = 'set',
  ): Promise<void> {
    const core = this.#core;
    core.requireWritable();
    assert(!this.#trees.has(tree), 'the entries of a tree come in one call');
    this.#trees.add(tree);
    const { operator } = core.tree(tree);
    assert(form === 'set' || operator !== undefined, 'operands need a merge operator');
    const version = core.versions.current;
    version.retain();
    const kind = form === 'set' ? SET : MERGE;
    const source = new PulledCursor(entries[Symbol.iterator](), kind, this.sequence);
    try {
      const runs = version.runs(tree);
      const level = runs.length === 0 ? LEVEL_COUNT - 1 : 0;
      const settings = outputSettings(core, tree, { level, isLast: level > 0 });
      const { hasher, options } = core;
      const output = new TableOutput(settings, {
        hasher,
        seededBugs: options.seededBugs,
        hasRoom: () => true,
        newTable: () => newTable(core),
      });
      this.#outputs.push({ level, output });
      const stream = new FoldStream(source, {
        operator,
        snapshots: core.snapshots.sequences(),
        mayExistBelow: (hi, lo) => mayContainKey(runs, hi, lo),
      });
      stream.start();
      await core.slices.run(output.drain(stream));
    } finally {
      source.close();
      version.release();
    }
  }

  /** The tables, when they are on the device. */
  async synced(): Promise<{ readonly level: number; readonly table: TableFile }[]> {
    const added: { readonly level: number; readonly table: TableFile }[] = [];
    for (const { level, output } of this.#outputs) {
      for (const meta of await output.synced()) {
        added.push({ level, table: this.#core.newTable(meta) });
      }
    }
    return added;
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return this.#outputs.reduce((sum, { output }) => sum + output.bytes, 0);
  }

  /** Removes what was written. */
  async abandon(): Promise<void> {
    const { versions } = this.#core;
    for (const { output } of this.#outputs) {
      for (const number of await output.abandon()) versions.removeFile('table', number);
    }
  }
}

/**
 * Runs an ingest: `write` adds the entries, `onInstalled` is called in the moment in which they become
 * visible. Nothing has happened when it rejects, unless the engine has failed (then it is read-only).
 */
export async function ingestTables(
  core: EngineCore,
  write: (tables: TableIngest) => Promise<void>,
  onInstalled: (sequence: number) => void,
): Promise<number> {
  const log = core.requireWritable();
  if (core.appliedSequence !== core.versions.current.sequence) {
    throw new DatabaseError(
      'INVALID_ARGUMENT',
      'ingestTables: checkpoint first, and commit nothing',
    );
  }
  assert(!core.isIngesting, 'one ingest at a time');
  core.isIngesting = true;
  const tables = new TableIngest(core);
  try {
    await write(tables);
    const added = await tables.synced();
    core.requireWritable();
    const { sequence } = tables;
    await installVersion(core, { added, removed: new Set<TableFile>(), sequence }, () => {
      core.appliedSequence = sequence;
      log.passOver(sequence);
      core.isIngesting = false;
      onInstalled(sequence);
    });
    core.counters.flushBytesWritten += tables.bytes;
    return sequence;
  } catch (error) {
    // After a failed install nobody knows which version the pointer names: its tables stay.
    if (core.failure === undefined) await tables.abandon();
    throw error;
  } finally {
    core.isIngesting = false;
  }
}

function newTable({ fileSystem, directory, versions }: EngineCore): NewTable {
  const number = versions.newFileNumber();
  return { number, file: fileSystem.open(`${directory}/${fileName('table', number)}`, 'create') };
}

/** A cursor that only goes forward, over what an iterator gives. */
class PulledCursor implements EntryCursor {
  readonly kind: EntryKind;
  readonly sequence: number;
  hi = 0;
  lo = 0;
  valid = false;
  readonly #entries: Iterator<IngestedEntry>;
  #value: Uint8Array = new Uint8Array(0);
  #isStarted = false;

  constructor(entries: Iterator<IngestedEntry>, kind: EntryKind, sequence: number) {
    this.#entries = entries;
    this.kind = kind;
    this.sequence = sequence;
  }

  value(): Uint8Array {
    return this.#value;
  }

  seekFirst(): void {
    assert(!this.#isStarted, 'what was pulled does not come again');
    this.#isStarted = true;
    this.#pull();
  }

  seek(): void {
    assert(false, 'entries that are pulled come in their order');
  }

  next(): void {
    const { hi, lo } = this;
    this.#pull();
    assert(!this.valid || compareKeys(hi, lo, this.hi, this.lo) < 0, 'ingested keys ascend');
  }

  close(): void {
    this.valid = false;
    this.#entries.return?.();
  }

  #pull(): void {
    const next = this.#entries.next();
    this.valid = next.done !== true;
    if (next.done === true) return;
    this.hi = next.value.hi;
    this.lo = next.value.lo;
    this.#value = next.value.value;
  }
}
