/**
 * What do writes, point reads and an ordered scan of the storage engine cost by themselves?
 *
 * Keys of 8 bytes in random order, values of 100 bytes, commits of 100 entries, one caller that awaits each
 * commit. Reads come after a checkpoint and a full compaction.
 *
 * npm run bench -- lsm --full
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadHasher } from '../src/base/hasher.ts';
import { seededRandom } from '../src/base/random.ts';
import { LsmEngine } from '../src/lsm/engine.ts';
import type { EngineOptions } from '../src/lsm/engine-options.ts';
import { WriteBatch } from '../src/lsm/write-batch.ts';
import { NodeFileSystem } from '../src/storage/node-file-system.ts';
import { readBenchOptions } from './harness/options.ts';
import { Report, type Row } from './harness/report.ts';

const options = readBenchOptions();
const entries = options.limit ?? (options.full ? 1_000_000 : 5_000);
const batchEntries = 100;
const valueBytes = 100;
const tree = 1;
const keyRange = { fromHi: 0, fromLo: 0, toHi: 0xffffffff, toLo: 0xffffffff };

const engineOptions = {
  trees: [{ id: tree, name: 'bench' }],
  memtableBytes: 16 * 1024 * 1024,
  blockCacheBytes: 64 * 1024 * 1024,
};
const report = new Report('lsm', 'synthetic', options.json);
const { memtableBytes, blockCacheBytes } = engineOptions;
report.begin(options.seed, options.full, {
  entries,
  valueBytes,
  batchEntries,
  memtableBytes,
  blockCacheBytes,
});
const rows: Row[] = [];
for (const durability of ['sync', 'os', 'none'] as const)
  rows.push(...(await benchEngine(durability)));
report.table('one caller', rows);

async function benchEngine(durability: EngineOptions['durability']): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'stratavec-lsm-'));
  const hasher = await loadHasher();
  const engine = await LsmEngine.open(new NodeFileSystem(), directory, {
    ...engineOptions,
    hasher,
    durability,
  });
  try {
    const written = await put(engine);
    const before = engine.stats();
    await engine.checkpoint();
    await engine.compact();
    const { logBytesWritten, flushBytesWritten, compactionBytesWritten } = engine.stats();
    const bytesWritten = logBytesWritten + flushBytesWritten + compactionBytesWritten;
    const row = (work: string, seconds: number, metrics: Row['metrics']): Row =>
      report.row(
        'stratavec',
        { work, durability },
        { entriesPerSecond: entries / seconds, ...metrics },
      );
    return [
      row('put', written, {
        writeAmplification: bytesWritten / (entries * (8 + valueBytes)),
        logSyncs: before.logSyncs,
        longestSliceMs: before.longestSliceMs,
      }),
      row('get, random', get(engine), {}),
      row('scan', scan(engine), {}),
    ];
  } finally {
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Seconds from the first write until all are committed, checkpoints on the way included. */
async function put(engine: LsmEngine): Promise<number> {
  const random = seededRandom(options.seed);
  const value = new Uint8Array(valueBytes).map(() => random() * 256);
  const batch = new WriteBatch();
  const start = performance.now();
  for (let written = 0; written < entries; written += batchEntries) {
    batch.clear();
    for (let i = 0; i < batchEntries; i++) batch.set(tree, u32(random()), u32(random()), value);
    await engine.committed(engine.write(batch));
    if (engine.shouldCheckpoint()) await engine.checkpoint();
  }
  return (performance.now() - start) / 1000;
}

/** Seconds to read every key once, in the order of the writes, which is random. */
function get(engine: LsmEngine): number {
  const random = seededRandom(options.seed);
  for (let i = 0; i < valueBytes; i++) random();
  const start = performance.now();
  for (let i = 0; i < entries; i++) {
    const found = engine.get(tree, u32(random()), u32(random()));
    if (found?.length !== valueBytes) throw new Error(`entry ${i} is not what was written`);
  }
  return (performance.now() - start) / 1000;
}

/** Seconds to walk over all entries in the order of their keys. */
function scan(engine: LsmEngine): number {
  const start = performance.now();
  const cursor = engine.scan(tree, keyRange);
  let count = 0;
  while (cursor.next()) count += cursor.value.length / valueBytes;
  cursor.close();
  if (count !== entries) throw new Error(`the scan found ${count} entries of ${entries}`);
  return (performance.now() - start) / 1000;
}

function u32(share: number): number {
  return Math.floor(share * 2 ** 32);
}
