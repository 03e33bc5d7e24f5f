/** The database that the kill soak works on, opened alike by both of its processes. */
import { type Collection, type Database, open } from '../../src/index.ts';
import { DIMENSION } from './history.ts';

export interface KillDatabase {
  readonly database: Database;
  readonly collection: Collection;
}

/** Little memory, so that checkpoints and evictions happen within seconds; never the exact plan. */
export async function openForKill(
  directory: string,
  backgroundThread: boolean = false,
): Promise<KillDatabase> {
  const database = await open(directory, {
    durability: 'sync',
    memoryBytes: 8 * 1024 * 1024,
    lockTimeoutMs: 5_000,
    backgroundThread,
  });
  const collection = await database.collection('kill', {
    fields: { operation: 'number', words: 'keyword' },
    dimension: DIMENSION,
    metric: 'l2',
    exactBelow: 0,
  });
  return { database, collection };
}
