/** Looks at the tables that should be in force: whole, damaged with something left, or gone. */
import { CorruptionError, isDatabaseError } from '../../errors.ts';
import { BlockCache } from '../block-cache.ts';
import type { EntryCursor } from '../cursor.ts';
import { fileName } from '../file-names.ts';
import { TableFile, type TableFileContext } from '../table-file.ts';
import type { TableMeta } from '../version-format.ts';
import { type BaseVersion, type Place, readBytes } from './base-version.ts';
import type { Loss } from './report.ts';
import { type SalvagedTable, salvageTable } from './salvage-table.ts';

export interface JudgedTable {
  readonly number: number;
  readonly tree: number;
  readonly isWhole: boolean;
  readonly entries: number;
  readonly largestSequence: number;
  /** Of a table that is gone or without entries: undefined. */
  cursor(): EntryCursor | undefined;
}

export interface Judgement {
  readonly tables: readonly JudgedTable[];
  readonly damaged: readonly string[];
  readonly lost: readonly Loss[];
  /** Lets the files go. */
  close(): void;
}

const CACHE = { bytes: 1 << 20, frameBytes: 4096 };

export function judgeTables(place: Place, base: BaseVersion): Judgement {
  const { fileSystem, directory, hasher } = place;
  const shared = { cache: new BlockCache(CACHE), hasher };
  const judge = new Judge(place, { fileSystem, directory, shared });
  if (base.stored !== undefined) {
    for (const { meta } of base.stored.tables) judge.table(meta.number, meta);
  } else {
    const metas = new Map(base.hint?.tables.map(({ meta }) => [meta.number, meta]));
    for (const number of base.files.table) {
      if (number < base.tablesEnd) judge.table(number, metas.get(number));
    }
  }
  return judge;
}

class Judge implements Judgement {
  readonly tables: JudgedTable[] = [];
  readonly damaged: string[] = [];
  readonly lost: Loss[] = [];
  readonly #place: Place;
  readonly #context: TableFileContext;
  readonly #open: TableFile[] = [];

  constructor(place: Place, context: TableFileContext) {
    this.#place = place;
    this.#context = context;
  }

  /** `meta` is what a version says of the table. */
  table(number: number, meta: TableMeta | undefined): void {
    const name = fileName('table', number);
    const path = `${this.#place.directory}/${name}`;
    if (meta !== undefined && this.#isWhole(meta)) {
      this.#addWhole(meta);
      return;
    }
    const found = this.#salvage(number, path);
    const known = meta ?? (found && metaOf(found, number));
    if (found === undefined) {
      this.#lose('table', path, `the file is missing; ${describe(meta)}`);
      if (meta !== undefined) this.#addDamaged(meta, undefined);
    } else if (known === undefined) {
      this.damaged.push(name);
      this.#lose('table', path, 'nothing says which tree it belongs to');
    } else if (meta === undefined && this.#isWhole(known)) {
      this.#addWhole(known);
    } else {
      this.damaged.push(name);
      this.#loseBlocks(path, known, found);
      this.#addDamaged(known, found);
    }
  }

  close(): void {
    for (const table of this.#open) table.close();
  }

  #isWhole(meta: TableMeta): boolean {
    const table = new TableFile(meta, this.#context);
    let isWhole = true;
    try {
      table.reader().check(() => {
        isWhole = false;
      });
      const { smallestSequence, largestSequence } = table.reader().properties;
      isWhole &&= smallestSequence === meta.smallestSequence;
      return isWhole && largestSequence === meta.largestSequence;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      return false;
    } finally {
      table.close();
    }
  }

  #salvage(number: number, path: string): SalvagedTable | undefined {
    const { fileSystem, hasher } = this.#place;
    try {
      return salvageTable({ bytes: readBytes(fileSystem, path), number, file: path, hasher });
    } catch (error) {
      if (!isDatabaseError(error) || error.code !== 'NOT_FOUND') throw error;
      return undefined;
    }
  }

  #addWhole({ number, tree, entries, largestSequence, ...rest }: TableMeta): void {
    const file = new TableFile({ number, tree, entries, largestSequence, ...rest }, this.#context);
    this.#open.push(file);
    const cursor = (): EntryCursor => file.reader().cursor({ fillCache: false });
    this.tables.push({ number, tree, isWhole: true, entries, largestSequence, cursor });
  }

  #addDamaged(
    { number, tree, largestSequence }: TableMeta,
    found: SalvagedTable | undefined,
  ): void {
    const entries = found?.entries ?? 0;
    const cursor = (): EntryCursor | undefined => (entries === 0 ? undefined : found?.cursor());
    this.tables.push({ number, tree, isWhole: false, entries, largestSequence, cursor });
  }

  #loseBlocks(path: string, meta: TableMeta, found: SalvagedTable): void {
    const missing = meta.entries - found.entries;
    if (missing === 0) return;
    for (const problem of found.problems) this.#lose('block', path, problem);
    this.#lose('table', path, `${missing} of ${describe(meta)}`);
  }

  #lose(what: string, where: string, detail: string): void {
    this.lost.push({ what, where, detail });
  }
}

/** What a version would say of a table that tells it itself. */
function metaOf({ properties, sizeBytes }: SalvagedTable, number: number): TableMeta | undefined {
  return properties === undefined ? undefined : { ...properties, number, sizeBytes };
}

function describe(meta: TableMeta | undefined): string {
  if (meta === undefined) return 'no version says what it held';
  const { entries, tree, smallestHi, smallestLo, largestHi, largestLo } = meta;
  const keys = `(${smallestHi}, ${smallestLo}) to (${largestHi}, ${largestLo})`;
  return `${entries} entries of tree ${tree}, keys ${keys}`;
}
