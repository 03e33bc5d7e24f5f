/** What the two processes of the soak of killed builds have in common: the database and its vectors. */
import { seededRandom } from '../../src/base/random.ts';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import type { Collection } from '../../src/index.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';

export const DIMENSION = 16;

export async function openForBuild(
  directory: string,
  shardNodesMax: number,
): Promise<{ readonly database: Database; readonly collection: Collection }> {
  const options = checkDatabaseOptions({ memoryBytes: 16 << 20, lockTimeoutMs: 5_000 });
  const session = await openSession(directory, new NodeFileSystem(), options);
  session.stores.bulk.shardNodesMax = shardNodesMax;
  const database = new Database(session);
  const collection = await database.collection('built', {
    dimension: DIMENSION,
    metric: 'l2',
    exactBelow: 0,
  });
  return { database, collection };
}

/** Row-major, around a few centres, no two equal. */
export function vectorsOf(seed: number, count: number): Float32Array {
  const random = seededRandom(seed);
  const centres = Float32Array.from({ length: 20 * DIMENSION }, () => 4 * random());
  const vectors = new Float32Array(count * DIMENSION);
  for (let i = 0; i < count; i++) {
    const centre = DIMENSION * Math.floor(20 * random());
    for (let j = 0; j < DIMENSION; j++) vectors[i * DIMENSION + j] = centres[centre + j] + random();
  }
  return vectors;
}
