import { seededRandom } from '../../src/base/random.ts';
import type { CollectionOptions, DatabaseOptions } from '../../src/index.ts';
import { type Collection, type Database, open } from '../../src/index.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

/** Small enough that a short trace checkpoints, evicts and reads. */
export const SMALL_MEMORY: number = 10_000_000;

export interface Fixture<Meta> extends AsyncDisposable {
  readonly fileSystem: FileSystem;
  readonly db: Database;
  readonly collection: Collection<Meta>;
  /** Closes and opens again. */
  reopen(): Promise<Fixture<Meta>>;
}

/** A database in memory with one collection, closed at the end of the scope. */
export async function fixture<Meta = unknown>(
  collectionOptions: CollectionOptions = {},
  databaseOptions: DatabaseOptions = {},
): Promise<Fixture<Meta>> {
  const fileSystem = databaseOptions.fileSystem ?? new MemoryFileSystem();
  const db = await open('/db', { memoryBytes: SMALL_MEMORY, ...databaseOptions, fileSystem });
  const options = { dimension: 4, metric: 'l2', exactBelow: 0, ...collectionOptions } as const;
  const collection = await db.collection<Meta>('things', options);
  return {
    fileSystem,
    db,
    collection,
    reopen: async () => {
      await db.close();
      return await fixture(collectionOptions, { ...databaseOptions, fileSystem });
    },
    [Symbol.asyncDispose]: () => db.close(),
  };
}

/** Seeded vectors with values in [-1, 1). */
export function randomVectors(count: number, dimension: number, seed: number): Float32Array[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: dimension }, () => random() * 2 - 1),
  );
}
