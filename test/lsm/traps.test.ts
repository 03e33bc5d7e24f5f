/**
 * The traps that other engines fell into, each named by what went wrong there. What a trap needs more than one
 * history for is tested elsewhere too: cuts and picking in picking.exhaustive.test.ts, compaction-plan.model.test.ts
 * and fold.exhaustive.test.ts, holes and damage in log.model.test.ts and engine.corruption.test.ts, the order of
 * syncs in engine.crash-states.test.ts, read errors in engine.faults.test.ts, backups beside writes in
 * backup.test.ts, fields of formats in version.format.test.ts.
 */
import { expect, test } from 'vitest';
import { COUNTS, drainCompaction, nextTurn, PLAIN } from '../../bench/soak/engine-model.ts';
import { decodeCount, encodeCount } from '../../src/lsm/counter.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import type { CheckpointParticipant } from '../../src/lsm/engine-options.ts';
import {
  decodeTableProperties,
  encodeTableProperties,
  type TableProperties,
} from '../../src/lsm/table-properties.ts';
import { decodeVersion, encodeVersion } from '../../src/lsm/version-format.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { TracingFileSystem } from '../../src/storage/tracing-file-system.ts';
import { DIRECTORY, openTiny, tinyOptions } from './engine-harness.ts';

function put(engine: LsmEngine, lo: number, ...value: number[]): number {
  const batch = new WriteBatch();
  batch.set(PLAIN, 0, lo, Uint8Array.from(value));
  return engine.write(batch);
}

function read(engine: LsmEngine, lo: number, sequence?: number): number[] | undefined {
  const value = engine.get(PLAIN, 0, lo, sequence);
  return value && [...value];
}

/** All values of the plain tree, in key order. */
function scanned(engine: LsmEngine, sequence?: number): number[][] {
  const range = { fromHi: 0, fromLo: 0, toHi: 0xffffffff, toLo: 0xffffffff, sequence };
  const scan = engine.scan(PLAIN, range);
  const values: number[][] = [];
  while (scan.next()) values.push([...scan.value]);
  scan.close();
  return values;
}

async function expectSound(engine: LsmEngine): Promise<void> {
  expect((await engine.check()).problems).toEqual([]);
}

test('one user key over two files: versions that snapshots hold stay in one table', async () => {
  await using engine = await openTiny(new MemoryFileSystem(), { tableBytes: 1, blockBytes: 1 });
  const snapshots = [];
  for (let i = 0; i < 30; i++) {
    for (const lo of [1, 2, 3]) await engine.committed(put(engine, lo, i, lo));
    snapshots.push(engine.snapshot());
    if (i % 10 === 9) await engine.checkpoint();
  }
  await engine.compact();
  await expectSound(engine);
  for (const [i, { sequence }] of snapshots.entries()) {
    expect(scanned(engine, sequence)).toEqual([1, 2, 3].map((lo) => [i, lo]));
    expect(read(engine, 2, sequence)).toEqual([i, 2]);
  }
  for (const snapshot of snapshots) snapshot.release();
});

test('binary search on overlapping L0: a key is found in whichever table has its newest version', async () => {
  await using engine = await openTiny(new MemoryFileSystem(), { level0Tables: 100 });
  const newest = new Map<number, number>();
  for (let table = 0; table < 12; table++) {
    // Ranges of all shapes: nested, overlapping, apart, of a single key.
    for (const lo of [table, (table * 7) % 12, 40 - table]) {
      put(engine, lo, table);
      newest.set(lo, table);
    }
    await engine.checkpoint();
  }
  expect(engine.stats().trees[0].levels[0].tables).toBe(12);
  for (let lo = 0; lo <= 41; lo++) {
    const value = newest.get(lo);
    expect(read(engine, lo), `key ${lo}`).toEqual(value === undefined ? undefined : [value]);
  }
  const inOrder = [...newest].sort(([a], [b]) => a - b).map(([, value]) => [value]);
  expect(scanned(engine)).toEqual(inOrder);
});

test('two compactions with the same inputs: asked for twice at once, an operand counts once', async () => {
  await using engine = await openTiny(new MemoryFileSystem(), { autoCompact: true });
  for (let i = 0; i < 12; i++) {
    const batch = new WriteBatch();
    for (let lo = 0; lo < 5; lo++) batch.merge(COUNTS, 0, lo, encodeCount(1));
    engine.write(batch);
    const asked = [engine.checkpoint(), engine.compact(), engine.compact()];
    engine.compactStep(0);
    await nextTurn();
    engine.compactStep(1);
    await Promise.all(asked);
    for (let lo = 0; lo < 5; lo++) {
      expect(decodeCount(engine.get(COUNTS, 0, lo) ?? new Uint8Array(0))).toBe(BigInt(i + 1));
    }
  }
  await expectSound(engine);
});

test('a snapshot in the middle of a publish: it shows whole commits, and only published ones', async () => {
  const memory = new MemoryFileSystem();
  const engine = await openTiny(memory);
  await engine.committed(put(engine, 1, 1));
  const batch = new WriteBatch();
  for (let lo = 1; lo <= 5; lo++) batch.set(PLAIN, 0, lo, Uint8Array.of(2));
  const sequence = engine.write(batch);
  const before = engine.snapshot(); // Written, and not yet synced.
  expect(scanned(engine, before.sequence)).toEqual([[1]]);
  await engine.committed(sequence);
  const after = engine.snapshot();
  expect(scanned(engine, after.sequence)).toEqual(Array.from({ length: 5 }, () => [2]));
  await engine.checkpoint();
  expect(scanned(engine, before.sequence)).toEqual([[1]]);
  // What a snapshot showed is there after a power cut.
  const disk = memory.crash(1);
  await engine.close().catch(() => {});
  await using again = await openTiny(disk);
  expect(again.appliedSequence).toBeGreaterThanOrEqual(after.sequence);
});

/** Runs `during` when the log is synced and nothing is in tables yet. */
function pausedAt(during: () => Promise<void>): CheckpointParticipant {
  return {
    freeze: () => {},
    installed: () => {},
    failed: () => {},
    write: async () => {
      await during();
      return [];
    },
  };
}

test('a log deleted while one of its commits is unflushed: no moment of a checkpoint loses one', async () => {
  const memory = new MemoryFileSystem();
  const engine = await openTiny(memory);
  for (let lo = 0; lo < 4; lo++) await engine.committed(put(engine, lo, lo));
  let beside = 0;
  await engine.checkpoint(
    pausedAt(async () => {
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      expect(memory.list(DIRECTORY)).toContain('000002.wal');
      // More than a memtable: another one is sealed beside the checkpoint, and not flushed by it.
      for (let lo = 10; lo < 14; lo++) {
        beside = put(engine, lo, ...new Array(600).fill(lo));
        await engine.committed(beside);
      }
    }),
  );
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  expect(memory.list(DIRECTORY)).not.toContain('000002.wal');
  const disk = memory.crash(1);
  await engine.close().catch(() => {});
  await using again = await openTiny(disk);
  expect(again.appliedSequence).toBe(beside);
  expect(scanned(again).map(([first]) => first)).toEqual([0, 1, 2, 3, 10, 11, 12, 13]);
  await expectSound(again);
});

test('a hole in recovery: commits behind a lost one are CORRUPTION, not the new end of the log', async () => {
  const memory = new MemoryFileSystem();
  const engine = await openTiny(memory, { memtableBytes: 1 << 20 });
  const ends: number[] = [];
  for (let i = 0; i < 3; i++) {
    await engine.committed(put(engine, i, ...new Array(100).fill(i)));
    const log = memory.open(`${DIRECTORY}/000002.wal`, 'read');
    ends.push(log.size());
    log.close();
  }
  const disk = memory.crash(1, 1);
  await engine.close().catch(() => {});
  const log = disk.open(`${DIRECTORY}/000002.wal`, 'readwrite');
  log.write(new Uint8Array(ends[1] - ends[0]), ends[0]); // The second commit is zeros.
  log.close();
  for (const readOnly of [true, false]) {
    await expect(openTiny(disk, { readOnly })).rejects.toMatchObject({ code: 'CORRUPTION' });
  }
});

test('a pointer visible before its target: every step of an install is synced before the next', async () => {
  const tracing = new TracingFileSystem(new MemoryFileSystem());
  await using engine = await openTiny(tracing);
  await engine.committed(put(engine, 1, 1));
  tracing.clear();
  await engine.checkpoint();
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  const steps = tracing.trace
    .filter(({ operation }) => !['open', 'close', 'write', 'size', 'read'].includes(operation))
    .map(({ operation, path }) => `${operation} ${path.replace(/.*[/.]/, '')}`);
  expect(steps).toEqual([
    'sync table',
    'synced table',
    'sync lsm',
    'synced lsm',
    'sync version',
    'synced version',
    'sync lsm',
    'synced lsm',
    'remove tmp',
    'sync tmp',
    'synced tmp',
    'rename CURRENT',
    'sync lsm',
    'synced lsm',
    'remove wal',
  ]);
});

test('file numbers of orphans reused: what a failed checkpoint left is never written again', async () => {
  const memory = new MemoryFileSystem();
  const tracing = new TracingFileSystem(memory);
  const engine = await openTiny(tracing);
  await engine.committed(put(engine, 1, 1));
  const stopped = engine.checkpoint(
    pausedAt(() => Promise.reject(new TypeError('the process dies here'))),
  );
  await expect(stopped).rejects.toThrow('dies here');
  for (const name of ['000041.table', '000042.version', '000043.wal']) {
    tracing.open(`${DIRECTORY}/${name}`, 'create').close(); // As a later life would have left them.
  }
  tracing.syncDirectory(DIRECTORY);
  const disk = memory.crash(1);
  await engine.close().catch(() => {});

  const after = new TracingFileSystem(disk);
  await using again = await openTiny(after);
  for (let i = 0; i < 4; i++) {
    put(again, i, i);
    await again.checkpoint();
  }
  const made = after.trace
    .filter(({ operation, mode }) => operation === 'open' && mode === 'create')
    .flatMap(({ path }) => /(\d+)\.\w+$/.exec(path)?.[1] ?? [])
    .map(Number);
  expect(made.length).toBeGreaterThan(8);
  expect(Math.min(...made)).toBeGreaterThan(43);
  expect(new Set(made).size).toBe(made.length);
});

test('a read error taken for the end of a file: an opening that cannot read says so, and loses nothing', async () => {
  const memory = new MemoryFileSystem();
  const engine = await openTiny(memory, { memtableBytes: 1 << 20 });
  await engine.committed(put(engine, 1, 1));
  await engine.checkpoint();
  for (let i = 0; i < 20; i++) await engine.committed(put(engine, i, ...new Array(5000).fill(i)));
  const disk = memory.crash(1, 1);
  await engine.close().catch(() => {});

  const whole = new FaultyFileSystem(disk);
  await (await openTiny(whole, { readOnly: true })).close();
  const reads = whole.trace.flatMap((call, i) => (/^(read|size|list) /.test(call) ? [i + 1] : []));
  expect(reads.length).toBeGreaterThan(5);
  for (const call of reads) {
    for (const kind of ['EIO', 'short'] as const) {
      const faulty = new FaultyFileSystem(disk);
      faulty.failCall(call, kind);
      const opened = openTiny(faulty, { readOnly: true });
      await expect(opened, whole.trace[call - 1]).rejects.toMatchObject({ code: 'IO' });
    }
  }
  await using again = await openTiny(disk);
  expect(again.appliedSequence).toBe(21);
});

test('a checkpoint that copies a log being written: a backup has none of the commits beside it', async () => {
  const disk = new MemoryFileSystem();
  await using engine = await openTiny(disk);
  for (let lo = 0; lo < 10; lo++) await engine.committed(put(engine, lo, lo));
  const running = engine.backup('backup/lsm', { link: true });
  for (let lo = 10; lo < 30; lo++) {
    put(engine, lo, lo);
    await nextTurn();
  }
  const { sequence } = await running;
  expect(sequence).toBe(10);
  await using copy = await LsmEngine.open(disk, 'backup/lsm', tinyOptions());
  expect(copy.appliedSequence).toBe(10);
  expect(scanned(copy)).toHaveLength(10);
  await expectSound(copy);
});

test('statistics that underflow: emptied and filled again, nothing is counted below zero or picked for ever', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  for (let round = 0; round < 6; round++) {
    for (let lo = 0; lo < 40; lo++) {
      const batch = new WriteBatch();
      if (round % 2 === 0) batch.set(PLAIN, 0, lo, new Uint8Array(40).fill(round));
      else batch.delete(PLAIN, 0, lo);
      engine.write(batch);
      if (lo % 8 === 7) await engine.checkpoint();
    }
    await drainCompaction(engine);
    if (round % 3 === 1) await engine.compact();
    expect(engine.compactionPending()).toBe(false);
    for (const [name, value] of numbersOf(engine.stats())) {
      expect(value >= 0 && Number.isFinite(value), `${name} is ${value}`).toBe(true);
    }
  }
  await engine.compact();
  const levels = engine.stats().trees.flatMap((tree) => tree.levels);
  expect(levels.map(({ entries, tables, bytes }) => entries + tables + bytes)).toEqual(
    levels.map(() => 0),
  );
});

/** Every number in a value, with the path to it; what is without limit left out. */
function numbersOf(value: unknown, path = 'stats'): [string, number][] {
  if (typeof value === 'number') return value === Number.POSITIVE_INFINITY ? [] : [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => numbersOf(inner, `${path}.${key}`));
}

test('a round trip that loses a field equal to its default: zeros and empty names come back', () => {
  const { hasher } = tinyOptions();
  const meta = {
    number: 1,
    tree: 0,
    sizeBytes: 0,
    entries: 0,
    smallestHi: 0,
    smallestLo: 0,
    largestHi: 0,
    largestLo: 0,
    smallestSequence: 0,
    largestSequence: 0,
    keys: 0,
    merges: 0,
    deletes: 0,
  };
  const version = {
    number: 1,
    nextFileNumber: 2,
    logNumber: 0,
    sequence: 0,
    trees: [{ id: 0, name: '', mergeOperator: '' }],
    tables: [{ level: 0, run: 0, meta }],
  };
  expect(decodeVersion(encodeVersion(version, hasher), 1, 'a file', hasher)).toEqual(version);

  const properties: TableProperties = {
    tree: 0,
    level: 0,
    epoch: 0,
    entries: 1,
    sets: 1,
    merges: 0,
    deletes: 0,
    keys: 1,
    smallestHi: 0,
    smallestLo: 0,
    largestHi: 0,
    largestLo: 0,
    smallestSequence: 0,
    largestSequence: 0,
    rawBytes: 0,
    storedBytes: 0,
    blocks: 1,
    blockBytes: 0,
    filterBitsPerKey: 0,
    codec: '',
    mergeOperator: '',
    layout: '',
  };
  const bytes = encodeTableProperties(properties);
  expect(decodeTableProperties(bytes, { file: 'a file', offset: 0 })).toEqual(properties);
});
