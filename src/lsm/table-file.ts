/**
 * One table of the engine: what the version knows of it, its reader once somebody has asked for it, and
 * how many versions name it.
 */
import { assert } from '../base/assert.ts';
import { CorruptionError, isDatabaseError } from '../errors.ts';
import type { File, FileSystem } from '../storage/file-system.ts';
import { fileName } from './file-names.ts';
import { TableReader, type TableShared } from './table-reader.ts';
import type { TableMeta } from './version-format.ts';

export interface TableFileContext {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly shared: TableShared;
}

export class TableFile {
  readonly meta: TableMeta;
  readonly #context: TableFileContext;
  #reader: TableReader | undefined;
  #references = 0;

  constructor(meta: TableMeta, context: TableFileContext) {
    this.meta = meta;
    this.#context = context;
  }

  get path(): string {
    return `${this.#context.directory}/${fileName('table', this.meta.number)}`;
  }

  /** Opens the file on first use. */
  reader(): TableReader {
    this.#reader ??= this.#open();
    return this.#reader;
  }

  retain(): void {
    this.#references++;
  }

  /** Whether nobody needs the table any more. */
  release(): boolean {
    assert(this.#references > 0, 'a table is released as often as it is retained');
    return --this.#references === 0;
  }

  /** The reader comes back with the next use. */
  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }

  #open(): TableReader {
    const { fileSystem, shared } = this.#context;
    const { meta, path } = this;
    let reader: TableReader;
    try {
      const open = (): File => fileSystem.open(path, 'read');
      reader = TableReader.open(open(), meta.number, shared, open);
    } catch (cause) {
      if (!isDatabaseError(cause) || cause.code !== 'NOT_FOUND') throw cause;
      const location = { file: path, offset: 0 };
      throw new CorruptionError('table that the version names is missing', location, { cause });
    }
    const { properties } = reader;
    const isSame =
      properties.tree === meta.tree &&
      properties.entries === meta.entries &&
      properties.keys === meta.keys &&
      properties.merges === meta.merges &&
      properties.deletes === meta.deletes &&
      reader.sizeBytes === meta.sizeBytes &&
      properties.smallestHi === meta.smallestHi &&
      properties.smallestLo === meta.smallestLo &&
      properties.largestHi === meta.largestHi &&
      properties.largestLo === meta.largestLo;
    if (isSame) return reader;
    reader.close();
    throw new CorruptionError('table is not the one that the version names', {
      file: path,
      offset: 0,
    });
  }
}
