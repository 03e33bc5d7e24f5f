/** Databases whose bulk builds are cut into shards of few vectors. */
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { gatherStats, type MemoryStats } from '../../src/database/database-stats.ts';
import { openSession } from '../../src/database/open-session.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';

export interface Sharded {
  readonly db: Database;
  /** As the statistics say it, without waiting. */
  readonly memory: () => MemoryStats;
}

/** At `/db`, with so many vectors in one piece at the most. */
export async function openSharded(
  fileSystem: FileSystem,
  shardNodesMax: number,
  memoryBytes: number = SMALL_MEMORY,
): Promise<Sharded> {
  const options = checkDatabaseOptions({ memoryBytes });
  const session = await openSession('/db', fileSystem, options);
  session.stores.bulk.shardNodesMax = shardNodesMax;
  return { db: new Database(session), memory: () => gatherStats(session).memory };
}
