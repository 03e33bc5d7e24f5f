/**
 * What do writes, point reads and ordered scans, both ways, of the storage engine cost, beside other embedded stores?
 *
 * Keys of 8 bytes in random order; values of 100 random bytes, and neighbour lists of 16 and 32 ids. One
 * caller awaits each commit of 100 entries. Reads come after the background has come to rest. Each subject
 * works in a child process of its own, the phases of a round go round the subjects, and a figure is the
 * median of the rounds, a maximum the largest of all.
 *
 * Nobody compresses. Write amplification is bytes written, the log's included, for one byte of keys and
 * values: stratavec counts it by itself, for the others the operating system does. stratavec-worker is the same
 * engine with its flushes and compactions on a worker thread.
 *
 * npm run bench -- lsm --full
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { KIB, MIB } from '../src/base/units.ts';
import { Child } from './harness/child.ts';
import { readBenchOptions } from './harness/options.ts';
import { choosePeers } from './harness/peers.ts';
import { Report } from './harness/report.ts';
import { Results } from './lsm/results.ts';
import { type Run, type RunStoreOptions, Stores } from './lsm/run.ts';
import type { ValueKind, WorkloadChoice } from './lsm/workload.ts';

const options = readBenchOptions();
const { full, seed } = options;
const entries = options.limit ?? (full ? 1_000_000 : 20_000);
const bytes100: ValueKind = { of: 'bytes', count: 100 };
const memtableBytes = full ? 16 * MIB : 512 * KIB;
/** Holds everything, indexes included. */
const cached: RunStoreOptions = {
  durability: 'os',
  memtableBytes,
  cacheBytes: Math.max(8 * MIB, 3 * entries * 108),
};
const tenth: RunStoreOptions = { ...cached, cacheBytes: Math.ceil((entries * 108) / 10) };

const directory = mkdtempSync(join(tmpdir(), 'stratavec-lsm-'));
const script = new URL('./lsm/child.js', import.meta.url);
const subjects = [
  'stratavec',
  'stratavec-worker',
  ...choosePeers(['classic-level', 'lmdb'], options.peers),
];
const run: Run = {
  subjects: new Map(subjects.map((subject) => [subject, Child.start(script, [])])),
  control: Child.start(script, []),
  directory,
  rounds: full ? 3 : 1,
  batchEntries: 100,
};
const report = new Report('lsm', 'synthetic', options.json);
report.begin(seed, full, {
  entries,
  batchEntries: run.batchEntries,
  rounds: run.rounds,
  memtableBytes,
  loadAverage: loadavg()[0],
});

try {
  await benchValues();
  await benchSync();
  await benchAmplification();
  for (const ids of [16, 32]) await benchLists(ids);
  console.log(`# load average at the end: ${loadavg()[0].toFixed(2)}`);
} finally {
  for (const child of [...run.subjects.values(), run.control]) await child.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function benchValues(): Promise<void> {
  const results = new Results('entriesPerSecond');
  const gets = Math.ceil(entries / 2);
  for (let round = 0; round < run.rounds; round++) {
    const stores = new Stores(run, results, { entries, value: bytes100, seed });
    await stores.open(cached);
    await stores.write('load', { version: 0, settle: true });
    const draw = { count: entries, salt: 10 + round };
    await stores.write('overwrite', { draw, version: 1, settle: true });
    const warm = { count: gets, salt: 20, awaited: false };
    await stores.get('get, cold cache', warm);
    await stores.get('get, cached', { ...warm, salt: 21 });
    await stores.get('get, cached, awaited', { count: gets >> 2, salt: 20, awaited: true });
    await stores.scan();
    await stores.write('mixed, a get for each put', {
      draw: { count: Math.ceil(entries / 5), salt: 30 + round },
      version: 2,
      getsPerBatch: run.batchEntries,
      settle: false,
    });
    await stores.close(false);
    await stores.open(tenth);
    await stores.get('get, cache of a tenth', { count: gets >> 2, salt: 40, awaited: false });
    await stores.close(true);
  }
  report.table('values of 100 bytes', results.rows(report));
}

async function benchSync(): Promise<void> {
  const workload: WorkloadChoice = { entries: Math.ceil(entries / 10), value: bytes100, seed };
  await loadOnly('every commit synced', workload, { ...cached, durability: 'sync' }, run);
}

/** The memtable is so small that the data is ten memtables times the ratio: every level is at work. */
async function benchAmplification(): Promise<void> {
  const levelRatio = 10;
  const small = Math.max(256 * KIB, Math.ceil((entries * 108) / (10 * levelRatio)));
  const alone: Run = {
    ...run,
    subjects: new Map([...run.subjects].filter(([subject]) => subject === 'stratavec')),
    rounds: 1,
  };
  const results = new Results('entriesPerSecond');
  const stores = new Stores(alone, results, { entries, value: bytes100, seed });
  await stores.open({ ...cached, memtableBytes: small, levelRatio });
  await stores.write('load', { version: 0, settle: true });
  for (let version = 1; version <= (full ? 2 : 1); version++) {
    const draw = { count: entries, salt: 50 + version };
    await stores.write(`uniform updates, pass ${version}`, { draw, version, settle: true });
  }
  await stores.compact();
  await stores.close(true);
  report.table('amplification: data of 10 × memtable × T', results.rows(report));
}

async function benchLists(ids: number): Promise<void> {
  const results = new Results('entriesPerSecond');
  const count = Math.ceil(entries / 4);
  const choice: WorkloadChoice = { entries: count, value: { of: 'list', count: ids }, seed };
  for (let round = 0; round < run.rounds; round++) {
    const stores = new Stores(run, results, choice);
    await stores.open(cached);
    await stores.write('load', { version: 0, settle: true });
    for (const work of ['get, cold cache', 'get, cached']) {
      await stores.get(work, { count, salt: 60, awaited: false });
    }
    await stores.scan();
    await stores.close(true);
  }
  report.table(`neighbour lists of ${ids} ids, ${count} entries`, results.rows(report));
}

async function loadOnly(
  title: string,
  workload: WorkloadChoice,
  storeOptions: RunStoreOptions,
  { rounds }: Run,
): Promise<void> {
  const results = new Results('entriesPerSecond');
  for (let round = 0; round < rounds; round++) {
    const stores = new Stores(run, results, workload);
    await stores.open(storeOptions);
    await stores.write('load', { version: 0, settle: false });
    await stores.close(true);
  }
  report.table(title, results.rows(report));
}
