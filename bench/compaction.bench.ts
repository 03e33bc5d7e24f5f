/**
 * What do the styles of compaction write, keep and stall, under updates at full speed?
 *
 * One caller awaits each batch of 100 entries of 108 bytes over data of ten memtables times T: a load in
 * random order, then passes of uniform updates, then rest. Write amplification is what the file system
 * counts, log included, over the bytes put in; space amplification what lies on the disk at rest over what a
 * full compaction leaves of it. Stalls are checkpoints that the caller had to wait for; latencies are those
 * of an acknowledged batch.
 *
 * npm run bench -- compaction --full
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadHasher } from '../src/base/hasher.ts';
import { type Random, seededRandom } from '../src/base/random.ts';
import { KIB, MIB } from '../src/base/units.ts';
import { LsmEngine } from '../src/lsm/engine.ts';
import type { CompactionStyle, FilterBits } from '../src/lsm/engine-options.ts';
import { WriteBatch } from '../src/lsm/write-batch.ts';
import { CountingFileSystem } from '../src/storage/counting-file-system.ts';
import { NodeFileSystem } from '../src/storage/node-file-system.ts';
import { LoopDelayMonitor } from './harness/event-loop.ts';
import { latencyFigures } from './harness/latency.ts';
import { readBenchOptions } from './harness/options.ts';
import { Report, type Row } from './harness/report.ts';
import { EngineWriter } from './lsm/engine-writer.ts';
import { diskBytes } from './lsm/system-account.ts';

const TREE = 1;
const BATCH_ENTRIES = 100;
const ENTRY_BYTES = 108;
const VALUE_BYTES = 100;

interface Subject {
  readonly compaction: CompactionStyle;
  readonly levelRatio: number;
  readonly filterBits: FilterBits;
}

const options = readBenchOptions();
const { full, seed } = options;
const memtableBytes = full ? MIB : 32 * KIB;
const passes = full ? 2 : 1;
const subjects: readonly Subject[] = [
  { compaction: 'leveled', levelRatio: 10, filterBits: 'uniform' },
  { compaction: 'tiered', levelRatio: 10, filterBits: 'uniform' },
  ...(full
    ? ([
        { compaction: 'leveled', levelRatio: 10, filterBits: 'monkey' },
        { compaction: 'leveled', levelRatio: 4, filterBits: 'uniform' },
        { compaction: 'tiered', levelRatio: 4, filterBits: 'uniform' },
      ] as const)
    : []),
];

const hasher = await loadHasher();
const batch = new WriteBatch();
const value = new Uint8Array(VALUE_BYTES);
const directory = mkdtempSync(join(tmpdir(), 'stratavec-compaction-'));
const report = new Report('compaction', 'synthetic', options.json);
report.begin(seed, full, { memtableBytes, passes, loadAverage: loadavg()[0] });
try {
  const rows: Row[] = [];
  for (const subject of subjects) rows.push(await measure(subject));
  report.table('uniform updates of 10 × memtable × T, then rest', rows);
  console.log(`# load average at the end: ${loadavg()[0].toFixed(2)}`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function measure(subject: Subject): Promise<Row> {
  const { filterBits, ...style } = subject;
  const entries = Math.ceil((10 * memtableBytes * subject.levelRatio) / ENTRY_BYTES);
  const folder = join(directory, `${subject.compaction}-${subject.levelRatio}-${filterBits}`);
  mkdirSync(folder);
  const files = new CountingFileSystem(new NodeFileSystem());
  const engine = await LsmEngine.open(files, folder, {
    trees: [{ id: TREE, name: 'bench', filterBits }],
    hasher,
    durability: 'os',
    memtableBytes,
    blockCacheBytes: 8 * MIB,
    ...style,
  });
  const writer = new EngineWriter(engine, folder);
  const random = seededRandom(seed);
  for (let i = 0; i < entries; i += BATCH_ENTRIES) {
    await writer.commit(batchOf(random, (offset) => Math.min(i + offset, entries - 1)));
  }
  await writer.settle();
  const written = files.total('write').bytes;
  const updates = await timeUpdates(writer, random, entries);
  await writer.settle();
  const userBytes = passes * entries * ENTRY_BYTES;
  const writeAmplification = (files.total('write').bytes - written) / userBytes;
  const restingBytes = diskBytes(folder);
  const reads = timeGets(engine, random, entries);
  const stats = engine.stats();
  await engine.compact();
  await writer.removed();
  const spaceAmplification = restingBytes / diskBytes(folder);
  await engine.close();
  const { compaction, levelRatio, level0Tables } = stats.settings;
  return report.row(
    'stratavec',
    { compaction, levelRatio, level0Tables, filterBits: stats.trees[0].filterBits },
    {
      ...updates,
      writeAmplification,
      spaceAmplification,
      ...writer.stalls,
      delayMs: stats.writeDelayMs,
      longestSliceMs: stats.longestSliceMs,
      ...reads,
      runs: stats.trees[0].runs,
    },
  );
}

async function timeUpdates(
  writer: EngineWriter,
  random: Random,
  entries: number,
): Promise<Record<string, number>> {
  const batches = Math.ceil((passes * entries) / BATCH_ENTRIES);
  const latenciesMs = new Float64Array(batches);
  globalThis.gc?.();
  const monitor = new LoopDelayMonitor();
  monitor.start();
  const start = performance.now();
  for (let i = 0; i < batches; i++) {
    const batch = batchOf(random, () => Math.floor(random() * entries));
    const began = performance.now();
    await writer.commit(batch);
    latenciesMs[i] = performance.now() - began;
  }
  const seconds = (performance.now() - start) / 1000;
  return {
    entriesPerSecond: (batches * BATCH_ENTRIES) / seconds,
    ...latencyFigures(latenciesMs),
    ...monitor.stop(),
  };
}

/** Of keys that are there, and of keys that are not: the second is what filters are for. */
function timeGets(engine: LsmEngine, random: Random, entries: number): Record<string, number> {
  const gets = Math.min(entries, 50_000);
  const perSecond = (first: number, isThere: boolean): number => {
    const start = performance.now();
    for (let i = 0; i < gets; i++) {
      const found = engine.get(TREE, 0, keyOf(first + Math.floor(random() * entries)));
      if ((found !== undefined) !== isThere) throw new Error('a key is there that should not be');
    }
    return (gets / (performance.now() - start)) * 1000;
  };
  return { getsPerSecond: perSecond(0, true), absentGetsPerSecond: perSecond(entries, false) };
}

function batchOf(random: Random, index: (offset: number) => number): WriteBatch {
  batch.clear();
  for (let offset = 0; offset < BATCH_ENTRIES; offset++) {
    value.fill(Math.floor(random() * 256));
    batch.set(TREE, 0, keyOf(index(offset)), value);
  }
  return batch;
}

/** A permutation of the u32: neighbours lie far apart. Odd multipliers, as in murmur3. */
function keyOf(index: number): number {
  return Math.imul(index ^ (index >>> 15), 0x85ebca6b) >>> 0;
}
