/** One subject of the build bench in a process of its own: builds from the whole data set. */

import { open } from '../../src/index.ts';
import { serve } from '../harness/child.ts';
import type { DatasetChoice } from '../harness/dataset.ts';
import { loadDataset } from '../harness/dataset.ts';
import { processMemory, settleMemory } from '../harness/memory.ts';
import { vectorAt } from '../harness/vector-file.ts';
import { HnswlibSubject } from '../search/hnswlib-subject.ts';
import type { IndexOptions } from '../search/subject.ts';

export interface BuildSetup {
  readonly subject: string;
  readonly directory: string;
  readonly choice: DatasetChoice;
  readonly index: IndexOptions;
  readonly memoryBytes: number | undefined;
  readonly efs: readonly number[];
}

export interface BuildFigures {
  readonly metrics: Readonly<Record<string, number>>;
  readonly config: Readonly<Record<string, string | number>>;
}

const setup = JSON.parse(process.argv[2]) as BuildSetup;

async function buildStratavec(): Promise<BuildFigures> {
  const { choice, index, directory, memoryBytes, efs } = setup;
  const { base, queries, truth } = loadDataset(choice);
  const options = memoryBytes === undefined ? {} : { memoryBytes };
  const db = await open(directory, options);
  const things = await db.collection('things', index);
  const vectors = Float32Array.from(base.values);
  settleMemory();
  const before = processMemory().residentBytes;
  const cpu = process.cpuUsage();
  const start = performance.now();
  await things.build({ vectors });
  const buildSeconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const peakResidentBytes = processMemory().peakResidentBytes - before;
  const { memory, disk } = await db.stats();
  await db.close();
  const opened = performance.now();
  const again = await open(directory, options);
  const found = await again.collection('things');
  const openMs = performance.now() - opened;
  const recalls: Record<string, number> = {};
  let coldStartMs: number | undefined;
  for (const ef of efs) {
    let hits = 0;
    for (let query = 0; query < queries.rows; query++) {
      const began = performance.now();
      const answer = await found.search({ vector: vectorAt(queries, query), k: 10, ef });
      coldStartMs ??= performance.now() - began;
      const wanted = new Set(truth.ids.subarray(query * truth.k, query * truth.k + 10));
      hits += answer.filter(({ id }) => wanted.has(Number(id))).length;
    }
    recalls[`recallAt10.ef${ef}`] = hits / (10 * queries.rows);
  }
  await again.close();
  return {
    metrics: {
      buildSeconds,
      cpuSeconds: (user + system) / 1e6,
      vectorsPerSecond: base.rows / buildSeconds,
      peakResidentBytes,
      accountedBytes: memory.totalBytes,
      diskBytes: disk.totalBytes,
      openMs,
      coldStartMs: coldStartMs ?? 0,
      ...recalls,
    },
    config: { memoryBytes: memory.budgetBytes, durability: 'sync' },
  };
}

async function buildPeer(): Promise<BuildFigures> {
  const { base, queries } = loadDataset(setup.choice);
  const subject = new HnswlibSubject(setup.index, queries);
  settleMemory();
  const before = processMemory().residentBytes;
  const cpu = process.cpuUsage();
  const { insertSeconds, config } = await subject.build(setup.directory, base);
  const { user, system } = process.cpuUsage(cpu);
  return {
    metrics: {
      buildSeconds: insertSeconds,
      cpuSeconds: (user + system) / 1e6,
      vectorsPerSecond: base.rows / insertSeconds,
      peakResidentBytes: processMemory().peakResidentBytes - before,
    },
    config: config as BuildFigures['config'],
  };
}

serve({ build: () => (setup.subject === 'stratavec' ? buildStratavec() : buildPeer()) });
