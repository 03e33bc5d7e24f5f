/**
 * Opens the parts of a database in their order: lock, tree (which replays its log), module memory,
 * pages, and the vectors of the log that were not in the pages yet. Whatever fails, what was opened
 * before is let go again.
 */
import { loadHasher } from '../base/hasher.ts';
import { Pace } from '../base/pace.ts';
import { MIB } from '../base/units.ts';
import { DatabaseError, withAdvice } from '../errors.ts';
import { WalkAdmission } from '../hnsw/walk-admission.ts';
import { WalkPool } from '../hnsw/walk-pool.ts';
import { WalkRunner } from '../hnsw/walk-runner.ts';
import { CellAllocator } from '../kernels/cell-allocator.ts';
import { createKernels } from '../kernels/kernels.ts';
import { KernelPool } from '../kernels/worker-pool.ts';
import { LsmEngine } from '../lsm/engine.ts';
import { PAGE_FILE_NAME } from '../paged/page-file.ts';
import { PageStore } from '../paged/page-store.ts';
import type { FileSystem, Lock } from '../storage/file-system.ts';
import { GuardedFileSystem } from '../storage/guarded-file-system.ts';
import { NodeFileSystem } from '../storage/node-file-system.ts';
import { StagedReads } from '../storage/staged-reads.ts';
import { StagingFileSystem } from '../storage/staging-file-system.ts';
import { refuseUnfinished } from '../storage/unfinished.ts';
import { BulkMemory } from './bulk-memory.ts';
import { readDatabaseCounters } from './catalog.ts';
import type { EffectiveDatabaseOptions } from './check-options.ts';
import { HeadReader } from './head-reader.ts';
import { planMemory } from './memory-plan.ts';
import { NameCache } from './name-cache.ts';
import { RecordFilters } from './record-filter.ts';
import { Session } from './session.ts';
import { removeSpools } from './spool-file.ts';
import type { Stores } from './stores.ts';
import { TreePageMap } from './tree-page-map.ts';
import { PAGES_TREE, TREE_DIRECTORY, treeSpecs } from './trees.ts';
import { decodeVectorAttachment, type VectorAttachment } from './vector-attachment.ts';
import { WriterQueue } from './writer-queue.ts';

const POINTER = 'CURRENT';
const REPAIR_ADVICE =
  'keep a copy of the folder, then `repair(path)`, or `stratavec repair DIR`, rebuilds what is left';
/** Walks that share threads may take this share of the module's memory together. */
const WALKS_SHARE = 1 / 8;
/** Those that wait for a slow disk evict what the others read: where memory is small, one walks at a time. */
const WAITING_WALKS_SHARE = 1 / 64;
/** An insertion is sure of so much scratch, or of an eighth of a small memory. */
const INSERT_SCRATCH_BYTES_MAX = MIB;
const SEARCH_SCRATCH_BYTES_MAX = MIB / 2;

export async function openSession(
  path: string,
  given: FileSystem | undefined,
  options: EffectiveDatabaseOptions,
): Promise<Session> {
  const fileSystem = given ?? new NodeFileSystem();
  refuseUnfinished(fileSystem, path);
  const trees = `${path}/${TREE_DIRECTORY}`;
  checkExistence(path, holdsTree(fileSystem, trees), options);
  const isNew = !options.readOnly && !fileSystem.exists(path);
  if (!options.readOnly) fileSystem.makeDirectory(path);
  const undo: (() => unknown)[] = isNew ? [() => fileSystem.removeDirectory?.(path)] : [];
  try {
    const lock = await takeLock(path, fileSystem, options);
    undo.push(() => lock?.release());
    const guarded = lock === undefined ? fileSystem : new GuardedFileSystem(fileSystem, lock);
    // While the lock was waited for, its owner may have made the database.
    const exists = holdsTree(guarded, trees);
    checkExistence(path, exists, options);
    if (isNew && !exists) undo.push(() => removeNew(guarded, path));
    const attachments: VectorAttachment[] = [];
    const reads = new StagedReads({ bytesMax: planMemory(options.memoryBytes).stagedBytes });
    const staging = new StagingFileSystem(guarded, reads);
    const stores = await openStores({
      path,
      fileSystem: staging,
      reads,
      options,
      attachments,
      undo,
    });
    if (lock !== undefined) removeSpools(guarded, path);
    readDatabaseCounters(stores.engine);
    const { dirtyBytesMax } = planMemory(options.memoryBytes);
    const session = new Session({ stores, options, dirtyBytesMax, lock });
    session.replay(attachments);
    if (!options.readOnly) {
      const unfinished = [...session.catalog.entries].filter(({ fields }) =>
        fields.some(({ state }) => state !== 'ready'),
      );
      session.fieldJobs.resume(unfinished.map((entry) => session.collections.storeOf(entry)));
      for (const entry of session.catalog.dropped)
        session.purger.add(session.collections.storeOf(entry));
    }
    return session;
  } catch (error) {
    for (const close of undo.reverse()) {
      try {
        await close();
      } catch {
        // The first error says what is wrong; the rest is let go all the same.
      }
    }
    throw withAdvice(error, REPAIR_ADVICE);
  }
}

/** What was made of a database that could not be opened, but for the folder itself. */
function removeNew(fileSystem: FileSystem, path: string): void {
  const trees = `${path}/${TREE_DIRECTORY}`;
  if (fileSystem.exists(trees)) {
    for (const name of fileSystem.list(trees)) fileSystem.remove(`${trees}/${name}`);
    fileSystem.removeDirectory?.(trees);
  }
  fileSystem.remove(`${path}/${PAGE_FILE_NAME}`);
}

/** A reader writes nothing, not even a lock; beside a writer it is refused. */
async function takeLock(
  path: string,
  fileSystem: FileSystem,
  options: EffectiveDatabaseOptions,
): Promise<Lock | undefined> {
  const { lockTimeoutMs: timeoutMs, onWarning: onCompromised } = options;
  if (!options.readOnly) return await fileSystem.lock(path, { timeoutMs, onCompromised });
  await fileSystem.waitUntilUnlocked(path, timeoutMs);
  return undefined;
}

interface Opening {
  readonly path: string;
  readonly fileSystem: FileSystem;
  readonly reads: StagedReads;
  readonly options: EffectiveDatabaseOptions;
  /** Filled with the vectors of the log. */
  readonly attachments: VectorAttachment[];
  /** What to call, last first, when opening fails. */
  readonly undo: (() => unknown)[];
}

async function openStores(opening: Opening): Promise<Stores> {
  const { path, fileSystem, reads, options, attachments, undo } = opening;
  const memory = planMemory(options.memoryBytes);
  const hasher = await loadHasher();
  const pace = new Pace();
  const engine = await LsmEngine.open(fileSystem, `${path}/${TREE_DIRECTORY}`, {
    trees: treeSpecs(options.compression),
    hasher,
    durability: options.durability,
    memtableBytes: memory.memtableBytes,
    blockCacheBytes: memory.blockCacheBytes,
    tableBytes: memory.tableBytes,
    readOnly: options.readOnly,
    createIfMissing: options.createIfMissing,
    replay: (_sequence, bytes) => attachments.push(decodeVectorAttachment(bytes)),
    executor: options.backgroundThread ? 'worker' : 'slices',
    sliceMs: () => pace.sliceMs,
    onBackgroundError: options.onWarning,
  });
  undo.push(() => engine.close());
  const kernels = createKernels(memory.moduleBytes);
  const allocator = new CellAllocator(kernels.memory, kernels.memory.heapBase, memory.moduleBytes);
  const workers =
    options.threads === 0 ? undefined : new KernelPool(kernels, options.threads, options.onWarning);
  allocator.readers = workers;
  undo.push(() => workers?.close());
  const pageMap = new TreePageMap(engine);
  const pages = new PageStore({
    fileSystem,
    directory: path,
    readOnly: options.readOnly,
    kernels,
    allocator,
    hasher,
    map: pageMap,
    tree: PAGES_TREE,
    pace,
  });
  undo.push(() => pages.close());
  // Pinned cells may leave no free frames side by side: one search and one insertion always have theirs.
  const searchBytes = Math.min(allocator.totalBytes / 16, SEARCH_SCRATCH_BYTES_MAX);
  const walks = new WalkPool(kernels, allocator, { homeBytes: searchBytes });
  walks.takeHome();
  const homeBytes = Math.min(allocator.totalBytes / 8, INSERT_SCRATCH_BYTES_MAX);
  const insertWalks = new WalkPool(kernels, allocator, { homeBytes });
  const filters = new RecordFilters({ engine, hasher, allocator, kernels });
  const writer = new WriterQueue();
  const names = new NameCache(engine, memory.nameBytes);
  return {
    fileSystem,
    engine,
    kernels,
    workers,
    reads,
    admission: new WalkAdmission(allocator.totalBytes * WAITING_WALKS_SHARE),
    walkRunner: workers && new WalkRunner(workers, allocator.totalBytes * WALKS_SHARE),
    allocator,
    pages,
    pageMap,
    hasher,
    walks,
    insertWalks,
    filters,
    names,
    heads: new HeadReader(engine, names),
    writer,
    bulk: new BulkMemory(memory.bulkBytes, (bytes) => engine.lend(bytes)),
    pace,
  };
}

/**
 * Whether there is a database, damaged or not. Without tables, a missing pointer is what a crash leaves
 * that came before the database was made.
 */
function holdsTree(fileSystem: FileSystem, directory: string): boolean {
  if (!fileSystem.exists(directory)) return false;
  const names = fileSystem.list(directory);
  return names.includes(POINTER) || names.some((name) => name.endsWith('.table'));
}

function checkExistence(path: string, exists: boolean, options: EffectiveDatabaseOptions): void {
  if (exists && options.errorIfExists) {
    throw new DatabaseError('ALREADY_EXISTS', `${path}: there is a database already`);
  }
  if (!exists && (options.readOnly || !options.createIfMissing)) {
    const hint = options.readOnly ? 'readOnly does not create one' : 'createIfMissing is false';
    throw new DatabaseError('NOT_FOUND', `${path}: there is no database, and ${hint}`);
  }
}
