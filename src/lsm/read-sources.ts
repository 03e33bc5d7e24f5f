/**
 * What a reader that outlives one call reads from: the memtables and the version of one moment, retained,
 * and a cursor over each run of entries in them that touches its range.
 */
import type { ReversibleCursor } from './cursor.ts';
import type { EngineCore } from './engine-core.ts';
import { compareKeys } from './entry.ts';
import { LevelCursor } from './level-cursor.ts';
import { MemtableCursor } from './memtable-cursor.ts';
import type { SharedMemtable } from './shared-memtable.ts';
import type { TableFile } from './table-file.ts';
import type { Version } from './version.ts';

/** Both ends are inclusive. */
export interface KeyRange {
  readonly fromHi: number;
  readonly fromLo: number;
  readonly toHi: number;
  readonly toLo: number;
}

export class ReadSources {
  readonly cursors: readonly ReversibleCursor[];
  readonly version: Version;
  readonly #memtables: readonly SharedMemtable[];

  /** Holds memtables and tables until it is released. Reads what an open table needs. */
  constructor(core: EngineCore, tree: number, range: KeyRange) {
    const { active, sealed } = core;
    this.version = core.versions.current;
    this.#memtables = [active, ...sealed.map(({ shared }) => shared)];
    for (const shared of this.#memtables) shared.retain();
    this.version.retain();
    try {
      this.cursors = [
        // The active one may be empty now and not when it is sought.
        ...this.#memtables
          .filter((shared) => shared === active || shared.memtable.entryCountOf(tree) > 0)
          .map(({ memtable }) => new MemtableCursor(memtable, tree)),
        ...tableCursors(this.version, tree, range),
      ];
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** The cursors are closed already. Called once. */
  release(): void {
    for (const shared of this.#memtables) shared.release();
    this.version.release();
  }
}

function tableCursors(version: Version, tree: number, range: KeyRange): ReversibleCursor[] {
  const cursors: ReversibleCursor[] = [];
  for (const { tables } of version.runs(tree)) {
    const touched = tables.filter((table) => isInRange(table, range));
    if (touched.length === 1) cursors.push(touched[0].reader().cursor());
    else if (touched.length > 1) cursors.push(new LevelCursor(touched));
  }
  return cursors;
}

function isInRange({ meta }: TableFile, range: KeyRange): boolean {
  return (
    compareKeys(meta.smallestHi, meta.smallestLo, range.toHi, range.toLo) <= 0 &&
    compareKeys(range.fromHi, range.fromLo, meta.largestHi, meta.largestLo) <= 0
  );
}
