/** The budget of background bytes, the curve of delays, and the throttle that applies it, on clocks of their own. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { ByteBudget } from '../../src/lsm/byte-budget.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import {
  debtShare,
  delayPerByteMs,
  STALL_FACTOR,
  type WriteDebt,
} from '../../src/lsm/write-delay.ts';
import { WriteThrottle } from '../../src/lsm/write-throttle.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { DIRECTORY, tinyOptions } from './engine-harness.ts';

test('a budget lets no more through than its rate and one burst, whatever is taken when', () => {
  const take = fc.record({ bytes: fc.nat(5000), idleMs: fc.nat(300), waits: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(take, { maxLength: 60 }),
      fc.integer({ min: 100, max: 1e5 }),
      (of, rate) => {
        let now = 1e6;
        const budget = new ByteBudget(rate, () => now);
        const start = now;
        let taken = 0;
        for (const { bytes, idleMs, waits } of of) {
          now += idleMs;
          taken += bytes;
          if (!waits) {
            budget.count(bytes);
            continue;
          }
          now += budget.take(bytes);
          // Who waits as told has not gone faster than the rate, beyond the burst of a tenth of a second.
          expect(taken).toBeLessThanOrEqual(((now - start) / 1000 + 0.1) * rate + 1e-6);
        }
        expect(budget.takenBytes).toBe(taken);
      },
    ),
  );
});

test('a budget asks for no more waiting than its debt, and none without a limit', () => {
  let now = 0;
  const budget = new ByteBudget(1000, () => now);
  expect(budget.take(100)).toBe(0);
  expect(budget.take(500)).toBe(500);
  now += 500;
  expect(budget.take(0)).toBe(0);
  now += 10_000;
  // A long rest saves up one burst only.
  expect(budget.take(200)).toBe(100);
  expect(budget.waitMs).toBe(600);
  const unlimited = new ByteBudget(Number.POSITIVE_INFINITY, () => now);
  expect(unlimited.take(1e15)).toBe(0);
});

const options = { level0Tables: 4, memtableBytes: 1000 };
const debt: fc.Arbitrary<WriteDebt> = fc.record({
  level0Runs: fc.nat(20),
  sealedMemtables: fc.nat(5),
  pendingBytes: fc.nat(100_000),
});

test('delays begin at the soft limits, never fall with debt, and rise without a jump', () => {
  const none = { level0Runs: 4, sealedMemtables: 1, pendingBytes: 16_000 };
  expect(delayPerByteMs(none, options)).toBe(0);
  for (const more of [{ level0Runs: 5 }, { sealedMemtables: 2 }, { pendingBytes: 16_100 }]) {
    expect(delayPerByteMs({ ...none, ...more }, options)).toBeGreaterThan(0);
  }
  const full = { ...none, level0Runs: 4 * STALL_FACTOR };
  expect(debtShare(full, options)).toBe(1);
  // At the hard limit: 1 MiB a second.
  expect(delayPerByteMs(full, options) * 2 ** 20).toBeCloseTo(1000);
  fc.assert(
    fc.property(debt, debt, (a, b) => {
      const both = {
        level0Runs: Math.max(a.level0Runs, b.level0Runs),
        sealedMemtables: Math.max(a.sealedMemtables, b.sealedMemtables),
        pendingBytes: Math.max(a.pendingBytes, b.pendingBytes),
      };
      expect(delayPerByteMs(both, options)).toBe(
        Math.max(delayPerByteMs(a, options), delayPerByteMs(b, options)),
      );
    }),
  );
  // One more table of L0 changes the share of the debt by an eighth.
  expect(debtShare({ ...none, level0Runs: 5 }, options)).toBeCloseTo(1 / 8);
});

test('an engine that is behind acknowledges later, lets go at close, and none waits without debt', async () => {
  const files = new MemoryFileSystem();
  const open = (autoCompact: boolean): Promise<LsmEngine> =>
    LsmEngine.open(files, DIRECTORY, tinyOptions({ autoCompact, level0Tables: 2 }));
  const write = (engine: LsmEngine, key: number): number => {
    const batch = new WriteBatch();
    batch.set(1, 0, key, new Uint8Array(30_000));
    return engine.write(batch);
  };
  const behind = await open(false);
  for (let i = 0; i < 6; i++) {
    await behind.committed(write(behind, i));
    await behind.checkpoint();
  }
  expect(behind.stats().trees[0].runs).toBe(6);
  // Without the background nobody is told to wait for it.
  expect(behind.stats().writeDelayMs).toBe(0);
  await behind.close();

  const engine = await open(true);
  const sequence = write(engine, 9);
  const acknowledged = engine.committed(sequence);
  await vi.waitFor(() => expect(engine.stats().writeDelayMs).toBeGreaterThan(0));
  expect(engine.publishedSequence).toBe(sequence);
  await engine.close();
  await acknowledged;

  const idle = await open(true);
  while (idle.compactionPending()) await new Promise((resolve) => setImmediate(resolve));
  await idle.committed(write(idle, 1));
  expect(idle.stats().writeDelayMs).toBe(0);
  await idle.close();
});

test('who waits is let go at once when the engine closes', async () => {
  // Neither is asked for anything by those who wait already.
  const throttle = new WriteThrottle(undefined as never, undefined as never, () => 0);
  const waiting = [throttle.wait(1e9), throttle.wait(1e8)];
  throttle.stop();
  await Promise.all(waiting);
  expect(throttle.delayMs).toBe(1.1e9);
});

test('background work waits until its rate has paid for what was written', async () => {
  // The two flushes are a debt of a minute at the slow rate: nothing else may be written for so long.
  expect(await compactionsInTurns(1000)).toBe(0);
  expect(await compactionsInTurns(Number.POSITIVE_INFINITY)).toBeGreaterThan(0);
});

async function compactionsInTurns(backgroundBytesPerSecond: number): Promise<number> {
  const files = new MemoryFileSystem();
  const changes = {
    autoCompact: true,
    backgroundBytesPerSecond,
    level0Tables: 2,
    tableBytes: 20_000,
  };
  const engine = await LsmEngine.open(files, DIRECTORY, tinyOptions(changes));
  expect(engine.stats().settings.backgroundBytesPerSecond).toBe(backgroundBytesPerSecond);
  for (let run = 0; run < 2; run++) {
    const batch = new WriteBatch();
    for (let key = 0; key < 300; key++) batch.set(1, 0, 2 * key + run, new Uint8Array(100));
    engine.write(batch);
    await engine.checkpoint();
  }
  expect(engine.stats().flushBytesWritten).toBeGreaterThan(60_000);
  for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
  const { compactions } = engine.stats();
  await engine.close();
  return compactions;
}
