/** Shows a database, or one of its files, as lines of text: for people who look for damage. */
import { type Hasher, loadHasher } from '../base/hasher.ts';
import { MIB } from '../base/units.ts';
import { DatabaseError, isDatabaseError } from '../errors.ts';
import { dumpDirectory, dumpFile } from '../lsm/dump/dump-file.ts';
import { LsmEngine } from '../lsm/engine.ts';
import { sizeOf } from '../lsm/restore.ts';
import { chooseBitGeometry } from '../paged/bit-geometry.ts';
import { dumpBits, dumpPages, type PageEntry } from '../paged/dump-pages.ts';
import { PAGE_FILE_NAME, PageFile } from '../paged/page-file.ts';
import { bitsHi } from '../paged/page-map.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { NodeFileSystem } from '../storage/node-file-system.ts';
import { UNFINISHED_NAME } from '../storage/unfinished.ts';
import { readCatalogCopies, type SpaceEntry, spacesOf } from './catalog.ts';
import { geometryOf, mayHaveBits } from './space-geometry.ts';
import { PAGES_TREE, TREE_DIRECTORY, treeSpecs } from './trees.ts';
import { checkKeys, invalid } from './validate.ts';

/** Options of `inspect`. */
export interface InspectOptions {
  /** Where files live. Default: the file system of the machine. */
  readonly fileSystem?: FileSystem | undefined;
}

/**
 * Lines about the database in a directory, or about one file of it: a log, a table, a version, the pointer or
 * the page file. Takes no lock, opens nothing to write, and goes on past damage, which it marks with the word
 * `DAMAGED`. `NOT_FOUND`, and `INVALID_ARGUMENT` for a file that is none of a database's.
 */
export async function* inspect(path: string, options: InspectOptions = {}): AsyncGenerator<string> {
  checkKeys(options, ['fileSystem'], 'inspect');
  if (typeof path !== 'string' || path === '') throw invalid('path: expected the path of a file');
  const { fileSystem = new NodeFileSystem() } = options;
  const hasher = await loadHasher();
  const name = path.slice(path.lastIndexOf('/') + 1);
  const lines = dumpFile(fileSystem, path, hasher);
  if (!fileSystem.exists(path)) throw new DatabaseError('NOT_FOUND', `${path}: there is nothing`);
  if (lines !== undefined) {
    yield* lines;
  } else if (name === PAGE_FILE_NAME) {
    yield* inspectPages(fileSystem, path.slice(0, -name.length - 1) || '.', hasher);
  } else if (fileSystem.exists(`${path}/${TREE_DIRECTORY}`)) {
    yield* inspectDatabase(fileSystem, path, hasher);
  } else if (fileSystem.exists(`${path}/CURRENT`)) {
    yield* dumpDirectory(fileSystem, path, hasher);
  } else {
    throw invalid(`path: ${path} is no database, and none of the files of one`);
  }
}

async function* inspectDatabase(
  fileSystem: FileSystem,
  path: string,
  hasher: Hasher,
): AsyncGenerator<string> {
  yield `database ${path}`;
  if (fileSystem.exists(`${path}/${UNFINISHED_NAME}`)) yield 'DAMAGED unfinished';
  yield `trees (${TREE_DIRECTORY}):`;
  const trees = dumpDirectory(fileSystem, `${path}/${TREE_DIRECTORY}`, hasher);
  for (const line of trees) yield `  ${line}`;
  yield* inspectPages(fileSystem, path, hasher);
}

/** Of every collection the pages that the trees name. */
async function* inspectPages(
  fileSystem: FileSystem,
  path: string,
  hasher: Hasher,
): AsyncGenerator<string> {
  const file = `${path}/${PAGE_FILE_NAME}`;
  yield fileSystem.exists(file) ? `page file: ${sizeOf(fileSystem, file)} bytes` : 'no page file';
  let engine: LsmEngine;
  try {
    engine = await openToRead(fileSystem, `${path}/${TREE_DIRECTORY}`, hasher);
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    yield `DAMAGED the trees do not open: ${error.message}`;
    return;
  }
  const pages = new PageFile({ fileSystem, directory: path, hasher, readOnly: true });
  try {
    for (const entry of readCatalogCopies(engine)) {
      const { vectors: _, ...options } = entry.options;
      const number = `collection ${entry.collection} ${JSON.stringify(entry.name)}`;
      yield `${number}, space ${entry.space}, ${JSON.stringify(options)}`;
      for (const space of spacesOf(entry)) yield* inspectSpace(engine, space, pages);
    }
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    yield `DAMAGED ${error.message}`;
  } finally {
    pages.close();
    await engine.close();
  }
}

function* inspectSpace(
  engine: LsmEngine,
  { ordinal, name, space, options }: SpaceEntry,
  pages: PageFile,
): Generator<string> {
  if (ordinal > 0) {
    yield `  vectors ${JSON.stringify(name)}, space ${space}, ${JSON.stringify(options)}`;
  }
  const indent = ordinal > 0 ? '    ' : '  ';
  const geometry = geometryOf(options);
  const lines = dumpPages(entriesOf(engine, space), geometry, pages);
  for (const line of lines) yield indent + line;
  if (!mayHaveBits(options.codes)) return;
  const bits = entriesOf(engine, bitsHi(space));
  for (const line of dumpBits(bits, chooseBitGeometry(geometry), pages)) yield indent + line;
}

function* entriesOf(engine: LsmEngine, hi: number): Generator<PageEntry> {
  const range = { fromHi: hi, toHi: hi, fromLo: 0, toLo: 0xffffffff };
  const scan = engine.scan(PAGES_TREE, range);
  try {
    while (scan.next()) yield { lo: scan.lo, value: scan.value };
  } finally {
    scan.close();
  }
}

async function openToRead(
  fileSystem: FileSystem,
  directory: string,
  hasher: Hasher,
): Promise<LsmEngine> {
  return await LsmEngine.open(fileSystem, directory, {
    trees: treeSpecs('lz4'),
    hasher,
    durability: 'none',
    memtableBytes: MIB,
    blockCacheBytes: MIB,
    readOnly: true,
  });
}
