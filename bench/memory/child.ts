/**
 * The subject of the memory bench, in a process of its own: builds once, or opens what was built with a
 * budget and searches.
 */
import { join } from 'node:path';
import { open } from '../../src/index.ts';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { serve } from '../harness/child.ts';
import { type DatasetChoice, loadQueries, loadVectors } from '../harness/dataset.ts';
import { latencyFigures } from '../harness/latency.ts';
import { processMemory, settleMemory } from '../harness/memory.ts';
import { vectorAt } from '../harness/vector-file.ts';
import type { IndexOptions } from '../search/subject.ts';

export interface MemorySetup {
  readonly directory: string;
  readonly choice: DatasetChoice;
  readonly index: IndexOptions;
}

export interface BudgetAsk {
  readonly memoryBytes: number;
  readonly k: number;
  readonly efs: readonly number[];
}

export interface BudgetFigures {
  /** One for each `ef`: ids row-major, and what the searches cost. */
  readonly points: readonly {
    readonly ids: Uint32Array;
    readonly queriesPerSecond: number;
    readonly metrics: Readonly<Record<string, number>>;
  }[];
  readonly memory: Readonly<Record<string, number>>;
}

const { directory, choice, index } = JSON.parse(process.argv[2]) as MemorySetup;
const built = join(directory, 'built');

async function build(): Promise<number> {
  const { base } = loadVectors(choice);
  const start = performance.now();
  const db = await open(built, { memoryBytes: 2 ** 30 });
  const collection = await db.collection('things', { ...index, exactBelow: 0 });
  await collection.build({ vectors: Float32Array.from(base.values) });
  await db.close();
  return (performance.now() - start) / 1000;
}

async function search({ memoryBytes, k, efs }: BudgetAsk): Promise<BudgetFigures> {
  const all = loadQueries(choice);
  const queries = Array.from({ length: all.rows }, (_, row) => vectorAt(all, row));
  const empty = await open(join(directory, `empty-${memoryBytes}-${k}`), { memoryBytes });
  settleMemory();
  const before = processMemory().residentBytes;
  const fileSystem = new CountingFileSystem(new NodeFileSystem());
  const start = performance.now();
  const db = await open(built, { memoryBytes, fileSystem });
  const collection = await db.collection('things');
  const openMs = performance.now() - start;
  const points: BudgetFigures['points'][number][] = [];
  let accountedBytes = 0;
  for (const ef of efs) {
    const ids = new Uint32Array(queries.length * k);
    const latencies = new Float64Array(queries.length);
    // The first round fills the caches as this `ef` would.
    for (let round = 0; round < 2; round++) {
      const reads = fileSystem.total('read');
      const began = performance.now();
      for (const [row, vector] of queries.entries()) {
        const asked = performance.now();
        const hits = await collection.search({ vector, k, ef });
        latencies[row] = performance.now() - asked;
        for (const [i, { id }] of hits.entries()) ids[row * k + i] = Number(id);
      }
      if (round === 0) continue;
      const seconds = (performance.now() - began) / 1000;
      const { calls, bytes } = fileSystem.total('read');
      const metrics = {
        meanMs: (1000 * seconds) / queries.length,
        p99Ms: latencyFigures(latencies).p99Us / 1000,
        readsPerQuery: (calls - reads.calls) / queries.length,
        bytesReadPerQuery: (bytes - reads.bytes) / queries.length,
      };
      points.push({ ids, queriesPerSecond: queries.length / seconds, metrics });
    }
    accountedBytes = Math.max(accountedBytes, (await db.stats()).memory.totalBytes);
  }
  const { peakResidentBytes, residentBytes } = processMemory();
  await db.close();
  await empty.close();
  return {
    points,
    memory: {
      accountedBytes,
      residentBytes: residentBytes - before,
      peakResidentBytes: peakResidentBytes - before,
      openMs,
    },
  };
}

serve({ build, search });
