/** Space comes back by itself: after deletes, overwrites and released snapshots, in either style. */
import { expect, test, vi } from 'vitest';
import { drainCompaction } from '../../bench/soak/engine-model.ts';
import { seededRandom } from '../../src/base/random.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import type { CompactionStyle, EngineOptions } from '../../src/lsm/engine-options.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { DIRECTORY, tinyOptions } from './engine-harness.ts';

const STYLES: readonly CompactionStyle[] = ['leveled', 'tiered'];
const KEYS = 1000;
const VALUE = new Uint8Array(30);
/** Dozens of memtables of data. */
const small: Partial<EngineOptions> = {
  memtableBytes: 2048,
  tableBytes: 1024,
  levelRatio: 4,
  level0Tables: 4,
  baseLevelBytes: 4096,
};

function open(changes: Partial<EngineOptions>): Promise<LsmEngine> {
  return LsmEngine.open(new MemoryFileSystem(), DIRECTORY, tinyOptions({ ...small, ...changes }));
}

async function apply(
  engine: LsmEngine,
  write: (batch: WriteBatch, key: number) => void,
): Promise<void> {
  for (let key = 0; key < KEYS; key += 20) {
    const batch = new WriteBatch();
    for (let i = key; i < key + 20; i++) write(batch, i);
    engine.write(batch);
    if (engine.shouldCheckpoint()) {
      await engine.checkpoint();
      if (!engine.stats().settings.autoCompact) await drainUrgent(engine);
    }
  }
  await engine.checkpoint();
}

/** Some of what is due, so that levels fill up. */
async function drainUrgent(engine: LsmEngine): Promise<void> {
  for (let i = 0; i < 4 && engine.compactStep(5); i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const set = (batch: WriteBatch, key: number): void => batch.set(1, 0, key, VALUE);
const remove = (batch: WriteBatch, key: number): void => batch.delete(1, 0, key);

function bytesOf(engine: LsmEngine): number {
  return engine.stats().trees[0].levels.reduce((sum, { bytes }) => sum + bytes, 0);
}

test('an engine that rests after deletes holds nothing of them', async () => {
  for (const compaction of STYLES) {
    const engine = await open({ compaction, autoCompact: true });
    await apply(engine, set);
    expect(bytesOf(engine)).toBeGreaterThan(KEYS * VALUE.length);
    await apply(engine, remove);
    await vi.waitFor(() => expect(engine.compactionPending()).toBe(false), { timeout: 10_000 });
    // Less than a table is not worth a compaction.
    expect(bytesOf(engine)).toBeLessThanOrEqual(2048);
    await engine.close();
  }
});

test('at rest after updates, no more than 1.15 of what a full compaction leaves', async () => {
  for (const compaction of STYLES) {
    const engine = await open({ compaction });
    const random = seededRandom(5);
    await apply(engine, set);
    for (let pass = 0; pass < 2; pass++) {
      await apply(engine, (batch) => set(batch, Math.floor(random() * KEYS)));
    }
    await drainCompaction(engine);
    const resting = bytesOf(engine);
    await engine.compact();
    expect(resting / bytesOf(engine)).toBeLessThanOrEqual(1.15);
    await engine.close();
  }
});

test('what a snapshot holds is not written again and again, and goes when it is released', async () => {
  for (const compaction of STYLES) {
    const engine = await open({ compaction });
    await apply(engine, set);
    await drainCompaction(engine);
    const full = bytesOf(engine);
    const snapshot = engine.snapshot();
    await apply(engine, remove);
    await drainCompaction(engine);
    expect(bytesOf(engine)).toBeGreaterThanOrEqual(full);
    const { compactions } = engine.stats();
    await drainCompaction(engine);
    await engine.compact();
    await engine.compact();
    await drainCompaction(engine);
    // The first may still bring all into one run; then there is nothing left to do.
    expect(engine.stats().compactions).toBeLessThanOrEqual(compactions + 1);
    expect(engine.get(1, 0, 7, snapshot.sequence)).toEqual(VALUE);
    snapshot.release();
    await drainCompaction(engine);
    expect(bytesOf(engine)).toBeLessThanOrEqual(2048);
    await engine.close();
  }
});

test('a released snapshot is noticed by an engine to which nobody writes', async () => {
  const engine = await open({ autoCompact: true });
  await apply(engine, set);
  const snapshot = engine.snapshot();
  await apply(engine, remove);
  await vi.waitFor(() => expect(engine.compactionPending()).toBe(false), { timeout: 10_000 });
  expect(bytesOf(engine)).toBeGreaterThan(KEYS * VALUE.length);
  snapshot.release();
  await vi.waitFor(() => expect(bytesOf(engine)).toBeLessThanOrEqual(2048), { timeout: 10_000 });
  await engine.close();
});
