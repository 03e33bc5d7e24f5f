/** Tables over the memory file system, for tests. */
import { type Hasher, loadHasher } from '../../src/base/hasher.ts';
import { BlockCache } from '../../src/lsm/block-cache.ts';
import { fileName } from '../../src/lsm/file-names.ts';
import { PointFold } from '../../src/lsm/fold.ts';
import { adjacencyMerge } from '../../src/lsm/merge-operators.ts';
import type { TableProperties } from '../../src/lsm/table-properties.ts';
import { TableReader } from '../../src/lsm/table-reader.ts';
import { TableWriter, type TableWriterOptions } from '../../src/lsm/table-writer.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import type { Entry } from './array-cursor.ts';

export const hasher: Hasher = await loadHasher();

export interface BuiltTable {
  readonly bytes: Uint8Array;
  readonly properties: TableProperties;
}

export type BuildOptions = Partial<Omit<TableWriterOptions, 'hasher'>>;

/** The bytes of a table of these sorted entries. Its number is 12 unless the options say otherwise. */
export function buildTable(entries: readonly Entry[], options: BuildOptions = {}): BuiltTable {
  const file = new MemoryFileSystem().open('t.table', 'create');
  const defaults = { number: 12, tree: 1, level: 0, epoch: 1, mergeOperator: 'adjacency' };
  const writer = new TableWriter(file, { ...defaults, ...options, hasher });
  for (const { hi, lo, sequence, kind, value } of entries)
    writer.add(hi, lo, sequence, kind, value);
  const properties = writer.finish();
  const bytes = new Uint8Array(file.size());
  file.readInto(bytes, 0);
  return { bytes, properties };
}

/** A reader over bytes as they are. */
export function openTable(
  bytes: Uint8Array,
  cache: BlockCache = new BlockCache({ bytes: 1 << 20 }),
  number = 12,
): TableReader {
  const fileSystem = new MemoryFileSystem();
  const name = fileName('table', number);
  const created = fileSystem.open(name, 'create');
  if (bytes.length > 0) created.write(bytes, 0);
  created.close();
  return TableReader.open(fileSystem.open(name, 'read'), number, { cache, hasher });
}

/** What one table answers for a key at a sequence. */
export function readKey(
  reader: TableReader,
  hi: number,
  lo: number,
  sequence: number,
): Uint8Array | undefined {
  const fold = new PointFold(adjacencyMerge);
  reader.get(hi, lo, sequence, fold);
  return fold.result();
}
