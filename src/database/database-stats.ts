/** Figures of an open database. Sizes are in bytes, times in ms. */

import type { TreeStats } from '../lsm/engine-options.ts';
import type { PageStoreStats } from '../paged/page-store.ts';
import { planMemory } from './memory-plan.ts';
import type { OpenViewsStats } from './open-views.ts';
import type { Session } from './session.ts';
import { pagesNeeded } from './sweep-moves.ts';
import type { VectorStore } from './vector-store.ts';

export type { TreeStats };

/** Memory of an open database, in bytes; the parts add up to `totalBytes`. */
export interface MemoryStats {
  /** What `memoryBytes` allows. */
  readonly budgetBytes: number;
  /** All parts together. */
  readonly totalBytes: number;
  readonly memtableBytes: number;
  readonly blockCacheBytes: number;
  /** Ids of records that searches have named. */
  readonly nameBytes: number;
  readonly tableReaderBytes: number;
  readonly logBufferBytes: number;
  /** Set aside for what flushes and merges work with. */
  readonly jobBytes: number;
  /** What sweeps under way remember of nodes: a few bits for each. */
  readonly sweepBytes: number;
  /** Arrays of bulk loads under way, and a bit for each record while they complete what they loaded. */
  readonly bulkBytes: number;
  /** Bytes that are being read in the background. */
  readonly stagedBytes: number;
  /** Module memory handed out, and of it, by what it holds. */
  readonly moduleBytes: number;
  readonly modulePartBytes: Readonly<Record<string, number>>;
  /** Module memory that was reserved and is not in use; untouched memory costs nothing. */
  readonly moduleFreeBytes: number;
}

/** The graph of one vector space. */
export interface GraphStats {
  /** Name of the collection. */
  readonly collection: string;
  /** Name of the vector space; undefined: the default one. */
  readonly vectorName: string | undefined;
  /** Living ones. */
  readonly vectors: number;
  /** Places of deleted vectors that no sweep has freed yet. */
  readonly ghosts: number;
  /** Places that can be given. */
  readonly free: number;
  readonly pages: number;
  /** Share of the places that are used, 0 to 1. */
  readonly fill: number;
  readonly layers: number;
}

/** What `Database.stats` tells; units are in the names. */
export interface DatabaseStats {
  readonly memory: MemoryStats;
  /** Bytes of the directory, lock and temporary files aside. */
  readonly disk: {
    readonly totalBytes: number;
    readonly logBytes: number;
    readonly tableBytes: number;
    readonly pageFileBytes: number;
    /** Of the page file: in use. */
    readonly pageBytes: number;
    /** Of the page file: what `compact` would give back, about; tables not counted. */
    readonly freeableBytes: number;
  };
  /** Levels, tables and counts of each tree of the engine; see docs/lsm.md. */
  readonly trees: readonly TreeStats[];
  /** One for each vector space of the collections that were used since the opening. */
  readonly graph: readonly GraphStats[];
  /** What was not in memory and was read, and what had to go for it, since the opening. */
  readonly cache: {
    readonly codeReads: number;
    readonly codeBytesRead: number;
    readonly originalReads: number;
    readonly originalBytesRead: number;
    readonly listReads: number;
    readonly evictions: number;
  };
  /** What was written since the opening. */
  readonly writes: {
    readonly commits: number;
    readonly logWrites: number;
    readonly logSyncs: number;
    readonly logBytesWritten: number;
    readonly flushBytesWritten: number;
    readonly pageBytesWritten: number;
    readonly dirtyPageBytes: number;
    readonly checkpoints: number;
    /** The longest work without a turn of the event loop: of plans and sweeps, of pages in checkpoints, of the engine. */
    readonly longestSlicesMs: {
      readonly plans: number;
      readonly pages: number;
      readonly engine: number;
    };
    /** The longest of them. */
    readonly longestSliceMs: number;
  };
  /** Snapshots and transactions that are open: they hold memory and disk. */
  readonly readers: OpenViewsStats;
  /** Merges of tables since the opening, and what is under way. */
  readonly compaction: {
    readonly compactions: number;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly isPending: boolean;
    readonly isStalled: boolean;
    /** Ghosts are being removed, or space is being given back. */
    readonly isSweeping: boolean;
  };
}

/** @internal Of collections that were used since the database was opened. */
export function gatherStats(session: Session): DatabaseStats {
  const { engine, pages } = session.stores;
  const lsm = engine.stats();
  const paged = pages.stats();
  const tableBytes = sum(lsm.trees.flatMap(({ levels }) => levels.map(({ bytes }) => bytes)));
  return {
    memory: memoryStats(session),
    disk: {
      totalBytes: lsm.logBytes + tableBytes + paged.fileBytes,
      logBytes: lsm.logBytes,
      tableBytes,
      pageFileBytes: paged.fileBytes,
      pageBytes: paged.takenBytes,
      freeableBytes: freeableBytes(session, paged),
    },
    trees: lsm.trees,
    graph: [...session.collections.open].flatMap(({ entry, vectorStores }) =>
      vectorStores.map((space) => graphStats(entry.name, space)),
    ),
    cache: cacheStats(session),
    writes: writeStats(session, paged),
    readers: session.views.stats(),
    compaction: {
      compactions: lsm.compactions,
      bytesRead: lsm.compactionBytesRead,
      bytesWritten: lsm.compactionBytesWritten,
      isPending: lsm.compactionPending,
      isStalled: lsm.isStalled,
      isSweeping: session.sweeper.isRunning,
    },
  };
}

function graphStats(collection: string, space: VectorStore): GraphStats {
  const { vectors, graph, ordinal, name } = space;
  const { pages, nodes, live, ghosts, fill } = vectors.stats();
  const free = pages * vectors.geometry.slotsPerPage - nodes;
  const layers = graph.entry === undefined ? 0 : graph.entry.layer + 1;
  const vectorName = ordinal === 0 ? undefined : name;
  return { collection, vectorName, vectors: live, ghosts, free, pages, fill, layers };
}

function* openSpaces({ collections }: Session): Generator<VectorStore> {
  for (const { vectorStores } of collections.all) yield* vectorStores;
}

function memoryStats(session: Session): MemoryStats {
  const { stores, options } = session;
  const { budgetBytes: _, totalBytes: engineBytes, ...engine } = stores.engine.stats().memory;
  const { jobBytes } = planMemory(options.memoryBytes);
  const { totalBytes, freeBytes, cellBytes, runBytes } = stores.allocator.stats();
  const moduleBytes = totalBytes - freeBytes;
  const followed = [...session.collections.all].map(({ followBytes }) => followBytes);
  const bulkBytes = stores.bulk.bytes + sum(followed);
  const stagedBytes = stores.reads.bytes;
  const nameBytes = stores.names.bytes;
  const sweepBytes = sum([...openSpaces(session)].map(({ graph }) => graph.sweepBytes));
  return {
    budgetBytes: options.memoryBytes,
    totalBytes:
      engineBytes + nameBytes + jobBytes + sweepBytes + bulkBytes + stagedBytes + moduleBytes,
    ...engine,
    nameBytes,
    jobBytes,
    sweepBytes,
    bulkBytes,
    stagedBytes,
    moduleBytes,
    modulePartBytes: { ...cellBytes, runs: runBytes },
    moduleFreeBytes: freeBytes,
  };
}

function cacheStats(session: Session): DatabaseStats['cache'] {
  const figures = { codeReads: 0, codeBytesRead: 0, originalReads: 0, originalBytesRead: 0 };
  let listReads = 0;
  for (const { vectors, graph } of openSpaces(session)) {
    const { codes, bits, originals } = vectors.stats();
    figures.codeReads += codes.reads + (bits?.reads ?? 0);
    figures.codeBytesRead += codes.bytesRead + (bits?.bytesRead ?? 0);
    figures.originalReads += originals?.reads ?? 0;
    figures.originalBytesRead += originals?.bytesRead ?? 0;
    listReads += graph.listReads;
  }
  return { ...figures, listReads, evictions: session.stores.allocator.stats().evictions };
}

function writeStats(session: Session, paged: PageStoreStats): DatabaseStats['writes'] {
  const { engine, pace } = session.stores;
  const lsm = engine.stats();
  const longestSlicesMs = { ...pace.longestMs, engine: lsm.longestSliceMs };
  return {
    commits: lsm.commits,
    logWrites: lsm.logWrites,
    logSyncs: lsm.logSyncs,
    logBytesWritten: lsm.logBytesWritten,
    flushBytesWritten: lsm.flushBytesWritten,
    pageBytesWritten: paged.bytesWritten,
    dirtyPageBytes: paged.dirtyBytes,
    checkpoints: session.checkpointer.count,
    longestSlicesMs,
    longestSliceMs: Math.max(...Object.values(longestSlicesMs)),
  };
}

/** Units that nobody uses, and the pages beyond those that the living vectors need. */
function freeableBytes(session: Session, { fileBytes, takenBytes }: PageStoreStats): number {
  let bytes = Math.max(0, fileBytes - takenBytes);
  for (const space of openSpaces(session)) {
    const { pages, codeBytes, originalBytes } = space.vectors.stats();
    const surplus = pages - pagesNeeded(space);
    if (surplus > 0) bytes += Math.floor((surplus / pages) * (codeBytes + originalBytes));
  }
  return bytes;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
