/**
 * A history of a whole database - records, graph, vectors in pages - and every state in which a crash may leave
 * its disk: what is stored is a prefix of the writes with all that was acknowledged, every record is read and
 * found, `check` passes, a reader changes nothing, and what an opening found is as safe as what comes after it.
 * Every other write is a transaction that does the same in a second collection: there it is with the write, or
 * neither is.
 */
import type { Random } from '../../src/base/random.ts';
import { isDatabaseError } from '../../src/errors.ts';
import {
  type Collection,
  type CollectionOptions,
  type Database,
  type Durability,
  open,
} from '../../src/index.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { type TracedCall, TracingFileSystem } from '../../src/storage/tracing-file-system.ts';
import { type CrashStatesTally, judgeCrashStates, type Promised } from './crash-states.ts';
import { isChange } from './engine-crash-states.ts';
import { below, pick } from './engine-random.ts';
import { applyTo, type KillOperation, type KillRecord } from './history.ts';
import { judge as judgeRecords } from './kill-judge.ts';
import { type DiskImage, fileSystemOf } from './traced-disk.ts';

const DIRECTORY = '/db';
const COLLECTION = 'things';
const TWIN = 'twins';
const dimension = 8;
const idCount = 40;

const collectionOptions: CollectionOptions = {
  dimension,
  metric: 'l2',
  exactBelow: 0,
  m: 4,
  fields: { operation: 'number', words: 'keyword' },
};

export interface DatabaseHistory {
  readonly trace: readonly TracedCall[];
  /** Positions are numbers of writes. */
  readonly promises: readonly Promised[];
  readonly writes: readonly KillOperation[];
}

/** As many operations in each durability, with a reopening between them. */
export async function recordDatabaseHistory(
  random: Random,
  durabilities: readonly Durability[],
  operations: number,
): Promise<DatabaseHistory> {
  const tracing = new TracingFileSystem(new MemoryFileSystem());
  const writes: KillOperation[] = [];
  const promises: Promised[] = [];
  let [power, kill] = [0, 0];
  const promise = (isPower: boolean, isKill: boolean): void => {
    if (isPower) power = writes.length;
    if (isKill) kill = writes.length;
    promises.push({ calls: tracing.trace.length, power, kill });
  };
  const states = new DistinctStates();
  for (const durability of durabilities) {
    const opened = await openDatabase(tracing, durability);
    const { database } = opened;
    for (let i = 0; i < operations; i++) {
      const operation = states.next(random, writes.length);
      if (operation.do === 'flush') {
        await database.flush();
        promise(true, true);
        continue;
      }
      writes.push(operation);
      await write(opened, operation, writes.length - 1);
      promise(durability === 'sync', durability !== 'none');
    }
    await database.close();
    promise(true, true);
  }
  return { trace: [...tracing.trace], promises, writes };
}

export interface DatabaseCrashOptions {
  readonly statesPerCall: number;
  readonly stride?: number;
}

/** Throws at the first state that is not as it must be. */
export async function judgeDatabaseHistory(
  random: Random,
  { trace, promises, writes }: DatabaseHistory,
  { statesPerCall, stride = 1 }: DatabaseCrashOptions,
): Promise<CrashStatesTally> {
  const judge = (image: DiskImage): Promise<number> => judgeDisk(image, writes);
  return await judgeCrashStates({ trace, promises, random, statesPerCall, stride, judge });
}

/** Returns how many of the writes are there. */
async function judgeDisk(image: DiskImage, writes: readonly KillOperation[]): Promise<number> {
  const disk = fileSystemOf(image);
  await readAlone(disk);
  const first = await openDatabase(disk);
  const found = await judgeOpen(first, writes);

  // The power goes at once: what was found is found again, and is gone on from.
  const left = disk.crash(found, 0);
  await first.database.close().catch(() => {});
  const known = writes.slice(0, found);
  const second = await openDatabase(left);
  const next: KillOperation = { do: 'upsert', records: [recordOf(() => 0.5, idCount, found)] };
  await write(second, next, found);
  await second.database.close();
  const last = await openDatabase(left.crash(found, 0));
  const again = await judgeOpen(last, [...known, next]);
  await last.database.close();
  if (again !== found + 1) {
    throw new Error(`${found} writes were found and one was added, later there were ${again}`);
  }
  return found;
}

async function judgeOpen(
  { database, collection, twin }: OpenDatabase,
  writes: readonly KillOperation[],
): Promise<number> {
  const { problems, survived } = await judgeRecords(database, collection, new Map(), writes);
  if (problems.length > 0) throw new Error(problems.join('; '));
  const expected = new Map<string | number, KillRecord>();
  for (const [i, operation] of writes.slice(0, survived).entries()) {
    if (isTwinned(i)) applyTo(expected, operation);
  }
  const rows: string[] = [];
  for await (const { id, metadata } of twin.scan({ include: ['metadata'] })) {
    rows.push(rowOf(id, metadata as KillRecord['metadata']));
  }
  const wanted = [...expected.values()].map(({ id, metadata }) => rowOf(id, metadata));
  if (rows.sort().join() !== wanted.sort().join()) {
    throw new Error(
      `of ${survived} writes the twins have ${rows.join()} instead of ${wanted.join()}`,
    );
  }
  return survived;
}

function rowOf(id: unknown, { operation }: KillRecord['metadata']): string {
  return `${String(id)}:${operation}`;
}

/** A reader may find nothing to open yet, and changes nothing. */
async function readAlone(disk: FileSystem): Promise<void> {
  const tracing = new TracingFileSystem(disk);
  try {
    const options = { fileSystem: tracing, readOnly: true, memoryBytes: 8 << 20 };
    await (await open(DIRECTORY, options)).close();
  } catch (error) {
    if (!isDatabaseError(error) || error.code !== 'NOT_FOUND') throw error;
  }
  const change = tracing.trace.find((call) => isChange(call) && call.operation !== 'lock');
  if (change === undefined) return;
  throw new Error(`a reader changes the disk: ${change.operation} ${change.path}`);
}

interface OpenDatabase {
  readonly database: Database;
  readonly collection: Collection;
  readonly twin: Collection;
}

async function openDatabase(
  fileSystem: FileSystem,
  durability: Durability = 'sync',
): Promise<OpenDatabase> {
  const database = await open(DIRECTORY, { fileSystem, durability, memoryBytes: 8 << 20 });
  const collection = await database.collection(COLLECTION, collectionOptions);
  return { database, collection, twin: await database.collection(TWIN, collectionOptions) };
}

/** Whether the write of that position is done in both collections. */
function isTwinned(position: number): boolean {
  return position % 2 === 1;
}

async function write(
  { database, collection }: OpenDatabase,
  operation: KillOperation,
  position: number,
): Promise<void> {
  const apply = async (to: Pick<Collection, 'upsert' | 'delete'>): Promise<void> => {
    if (operation.do === 'upsert') await to.upsert(operation.records);
    if (operation.do === 'delete') await to.delete(operation.ids);
  };
  if (!isTwinned(position)) return await apply(collection);
  await database.transaction(async (tx) => {
    for (const name of [TWIN, COLLECTION]) await apply(tx.collection(name));
  });
}

/** Operations after which the stored state is one that there never was, so that no two prefixes are alike. */
class DistinctStates {
  #state: ReadonlyMap<string | number, KillRecord> = new Map();
  readonly #seen = new Set<string>(['']);

  next(random: Random, number: number): KillOperation {
    for (;;) {
      const operation = anOperation(random, [...this.#state.keys()], number);
      if (operation.do === 'flush') return operation;
      const state = new Map(this.#state);
      applyTo(state, operation);
      const rows = [...state].map(([id, { metadata }]) => `${id}:${metadata.operation}`);
      const signature = rows.sort().join();
      if (this.#seen.has(signature)) continue;
      this.#seen.add(signature);
      this.#state = state;
      return operation;
    }
  }
}

function anOperation(
  random: Random,
  stored: readonly (string | number)[],
  number: number,
): KillOperation {
  const kind = random();
  if (kind < 0.25) return { do: 'flush' };
  if (kind < 0.45 && stored.length > 0) {
    const ids = Array.from({ length: 1 + below(random, 4) }, () => pick(random, stored));
    return { do: 'delete', ids: [...new Set(ids)] };
  }
  const count = 1 + below(random, 8);
  const ids = new Set(Array.from({ length: count }, () => below(random, idCount)));
  return { do: 'upsert', records: [...ids].map((id) => recordOf(random, id, number)) };
}

function recordOf(random: Random, id: number, operation: number): KillRecord {
  const vector = Float32Array.from({ length: dimension }, () => random() * 2 - 1);
  return { id, vector, metadata: { operation, words: ['word'] } };
}
