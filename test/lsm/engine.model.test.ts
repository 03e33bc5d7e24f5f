/**
 * The engine against its model: random commits, checkpoints, compactions, snapshots, scans that stay open,
 * reopenings and power cuts. After each step every key reads and scans as the model says, at the applied
 * sequence and at each snapshot.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Commit,
  drainCompaction,
  LISTS,
  Model,
  PLAIN,
  type State,
  scanState,
  toBatch,
} from '../../bench/soak/engine-model.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import type {
  CompactionStyle,
  EngineOptions,
  Scan,
  Snapshot,
} from '../../src/lsm/engine-options.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { commit, expectState, openTiny } from './engine-harness.ts';

type Step =
  | { readonly do: 'commit'; readonly commit: Commit; readonly isAwaited: boolean }
  | { readonly do: 'power cut'; readonly seed: number; readonly keep: number }
  | {
      readonly do:
        | 'checkpoint'
        | 'checkpoint beside commits'
        | 'compact a slice'
        | 'compact what is due'
        | 'compact all'
        | 'take a snapshot'
        | 'release a snapshot'
        | 'open a scan'
        | 'reopen';
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      commit,
      isAwaited: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('power cut' as const),
      seed: fc.nat(),
      keep: fc.constantFrom(0, 0.5, 1),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'checkpoint' as const,
        'checkpoint' as const,
        'checkpoint beside commits' as const,
        'compact a slice' as const,
        'compact what is due' as const,
        'compact what is due' as const,
        'compact all' as const,
        'take a snapshot' as const,
        'release a snapshot' as const,
        'open a scan' as const,
        'reopen' as const,
      ),
    }),
  },
);

/** An engine beside its model. */
class Run {
  readonly #options: Partial<EngineOptions>;
  /** One opening after the other, in turns. */
  readonly #styles: readonly CompactionStyle[];
  #openings = 0;
  #disk = new MemoryFileSystem();
  #engine!: LsmEngine;
  readonly #model = new Model();
  /** The last commit that was awaited. */
  #acknowledged = 0;
  /** Where the tables end. */
  #flushed = 0;
  #snapshots: Snapshot[] = [];
  #scans: { scan: Scan; expected: State }[] = [];

  constructor(options: Partial<EngineOptions>, styles: readonly CompactionStyle[]) {
    this.#options = options;
    this.#styles = styles;
  }

  async open(): Promise<void> {
    const attachments: { sequence: number; attachment: Uint8Array }[] = [];
    this.#engine = await openTiny(this.#disk, {
      ...this.#options,
      compaction: this.#styles[this.#openings++ % this.#styles.length],
      replay: (sequence, bytes) => attachments.push({ sequence, attachment: bytes.slice() }),
    });
    const { appliedSequence } = this.#engine;
    expect(appliedSequence).toBeGreaterThanOrEqual(this.#acknowledged);
    this.#model.truncate(appliedSequence);
    this.#acknowledged = appliedSequence;
    expect(attachments).toEqual(this.#model.attachmentsBehind(this.#flushed));
  }

  async take(step: Step): Promise<void> {
    const engine = this.#engine;
    switch (step.do) {
      case 'commit':
        return this.#commit(step.commit, step.isAwaited);
      case 'checkpoint':
        await engine.checkpoint();
        this.#acknowledged = this.#flushed = engine.appliedSequence;
        return;
      case 'checkpoint beside commits': {
        const flushed = engine.appliedSequence;
        const running = engine.checkpoint();
        const value = Uint8Array.of(flushed);
        for (let i = 0; i < 3; i++) {
          const changes = [{ tree: PLAIN, hi: 7, lo: i, kind: 1 as const, value }];
          await this.#commit({ changes, attachments: [] }, i % 2 === 0);
          this.check();
        }
        await running;
        this.#flushed = flushed;
        return;
      }
      case 'compact a slice':
        engine.compactStep(0);
        return;
      case 'compact what is due':
        return drainCompaction(engine);
      case 'compact all':
        return engine.compact();
      case 'take a snapshot':
        this.#snapshots.push(engine.snapshot());
        return;
      case 'release a snapshot':
        this.#snapshots.shift()?.release();
        return;
      case 'open a scan':
        return this.#openScan();
      case 'reopen':
        this.#endReaders();
        await engine.close();
        this.#acknowledged = engine.appliedSequence;
        return this.open();
      case 'power cut':
        this.#endReaders();
        this.#disk = this.#disk.crash(step.seed, step.keep);
        return this.open();
    }
  }

  check(): void {
    expectState(this.#engine, this.#model.at());
    for (const { sequence } of this.#snapshots) {
      expectState(this.#engine, this.#model.at(sequence), sequence);
    }
  }

  async end(): Promise<void> {
    expect((await this.#engine.check()).problems).toEqual([]);
    this.#endReaders();
    await this.#engine.close();
  }

  async #commit(commit: Commit, isAwaited: boolean): Promise<void> {
    const sequence = this.#engine.write(toBatch(commit));
    this.#model.add(commit, sequence);
    const committed = this.#engine.committed(sequence);
    if (!isAwaited) {
      // A power cut may come first.
      committed.catch(() => {});
      return;
    }
    await committed;
    expect(this.#engine.publishedSequence).toBeGreaterThanOrEqual(sequence);
    if (this.#options.durability === 'sync') this.#acknowledged = sequence;
  }

  /** Over the lists, where entries must not be folded twice. */
  #openScan(): void {
    const range = { fromHi: 0, fromLo: 0, toHi: 0xffffffff, toLo: 0xffffffff };
    const expected = this.#model.at().filter(([key]) => key.startsWith(`${LISTS}`));
    this.#scans.push({ scan: this.#engine.scan(LISTS, range), expected });
  }

  /** Scans have seen nothing of what happened since they began. */
  #endReaders(): void {
    for (const { scan, expected } of this.#scans) {
      const values: string[] = [];
      while (scan.next()) values.push(Buffer.from(scan.value).toString('hex'));
      expect(values).toEqual(expected.map(([, value]) => value));
    }
    this.#scans = [];
    for (const snapshot of this.#snapshots) snapshot.release();
    this.#snapshots = [];
  }
}

test('a tiny engine behaves like a list of commits', { timeout: 120_000 }, async () => {
  const durability = fc.constantFrom('sync' as const, 'os' as const, 'none' as const);
  const style = fc.constantFrom('leveled' as const, 'tiered' as const);
  const styles = fc.array(style, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 40, maxLength: 100 }),
      durability,
      styles,
      async (steps, durability, styles) => {
        const run = new Run({ durability }, styles);
        await run.open();
        for (const step of steps) {
          await run.take(step);
          run.check();
        }
        await run.end();
      },
    ),
    { numRuns: 60, interruptAfterTimeLimit: 60_000 },
  );
});

test('the answers do not depend on the options', async () => {
  const variants: Partial<EngineOptions>[] = [
    { memtableBytes: 1 << 20 },
    { levelRatio: 10, level0Tables: 4, durability: 'none' },
    { tableBytes: 1 << 20, blockBytes: 4096, durability: 'os' },
    { autoCompact: true, blockCacheBytes: 0 },
    { level0Tables: 1, tableBytes: 1, blockBytes: 1 },
    { compaction: 'tiered' },
    { compaction: 'tiered', levelRatio: 3, tableBytes: 64 },
    { compaction: 'tiered', autoCompact: true, level0Tables: 1 },
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.array(commit, { minLength: 20, maxLength: 60, size: 'max' }),
      async (commits) => {
        const model = new Model();
        for (const commit of commits) {
          model.add(commit, model.sequence + commit.changes.length);
        }
        for (const variant of variants) {
          const engine = await openTiny(new MemoryFileSystem(), variant);
          for (const commit of commits) {
            engine.write(toBatch(commit));
            if (engine.shouldCheckpoint()) await engine.checkpoint();
          }
          expect(scanState(engine)).toEqual(model.at());
          await engine.compact();
          expectState(engine, model.at());
          expect((await engine.check()).problems).toEqual([]);
          await engine.close();
        }
      },
    ),
    { numRuns: 15, interruptAfterTimeLimit: 30_000 },
  );
});
