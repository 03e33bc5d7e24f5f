/**
 * Iterators against an index into a sorted array: seeks and moves both ways in any order, bounds of all
 * kinds, at the applied sequence and at snapshots, while commits, checkpoints and compactions go on.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Commit,
  drainCompaction,
  HI,
  LO,
  Model,
  toBatch,
} from '../../bench/soak/engine-model.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import type { EngineIterator, IteratorOptions, Snapshot } from '../../src/lsm/engine-options.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { ArrayIterator, type KeyedValue } from './array-iterator.ts';
import { commit, openTiny } from './engine-harness.ts';

const hi = fc.constantFrom(...HI);
const lo = fc.constantFrom(...LO);
const bound = fc.option(fc.record({ hi, lo, exclusive: fc.boolean() }), { nil: undefined });
const tree = fc.constantFrom(1, 2, 4);

type Move =
  | { readonly do: 'next' | 'prev' | 'first' | 'last' }
  | { readonly do: 'seek'; readonly hi: number; readonly lo: number };

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('next' as const, 'next' as const, 'prev' as const, 'prev' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('first' as const, 'last' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('seek' as const), hi, lo }) },
);

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('commit' as const), commit }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      tree,
      from: bound,
      to: bound,
      reverse: fc.boolean(),
      atSnapshot: fc.boolean(),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      which: fc.nat(5),
      moves: fc.array(move, { minLength: 1, maxLength: 12 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'checkpoint' as const,
        'checkpoint beside moves' as const,
        'compact what is due' as const,
        'compact all' as const,
        'snapshot' as const,
        'forget a snapshot' as const,
        'close an iterator' as const,
      ),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Run {
  readonly #engine: LsmEngine;
  readonly #model = new Model();
  #snapshots: Snapshot[] = [];
  #pairs: { iterator: EngineIterator; model: ArrayIterator }[] = [];

  constructor(engine: LsmEngine) {
    this.#engine = engine;
  }

  async take(step: Step): Promise<void> {
    const engine = this.#engine;
    switch (step.do) {
      case 'commit':
        return this.#commit(step.commit);
      case 'open':
        return this.#open(step.tree, step, step.atSnapshot ? this.#snapshots[0] : undefined);
      case 'move':
        return this.#move(this.#pairs[step.which], step.moves);
      case 'checkpoint':
        return engine.checkpoint();
      case 'checkpoint beside moves': {
        const running = engine.checkpoint();
        for (const pair of this.#pairs) this.#move(pair, [{ do: 'next' }]);
        await new Promise((resolve) => setImmediate(resolve));
        for (const pair of this.#pairs) this.#move(pair, [{ do: 'prev' }, { do: 'prev' }]);
        return running;
      }
      case 'compact what is due':
        return drainCompaction(engine);
      case 'compact all':
        return engine.compact();
      case 'snapshot':
        this.#snapshots.push(engine.snapshot());
        return;
      case 'forget a snapshot':
        this.#snapshots.shift()?.release();
        return;
      case 'close an iterator':
        this.#pairs.shift()?.iterator.close();
    }
  }

  /** Ends everything; nothing may be held then. */
  async end(): Promise<void> {
    for (const { iterator } of this.#pairs) iterator[Symbol.dispose]();
    for (const snapshot of this.#snapshots) snapshot.release();
    expect(this.#engine.stats()).toMatchObject({ snapshots: 0, scans: 0 });
    await this.#engine.checkpoint();
    await this.#engine.compact();
    expect((await this.#engine.check()).problems).toEqual([]);
    await this.#engine.close();
  }

  async #commit(commit: Commit): Promise<void> {
    const sequence = this.#engine.write(toBatch(commit));
    this.#model.add(commit, sequence);
    await this.#engine.committed(sequence);
  }

  #open(tree: number, options: IteratorOptions, snapshot: Snapshot | undefined): void {
    if (this.#pairs.length > 5) return;
    const { from, to, reverse } = options;
    const iterator = this.#engine.iterator(tree, { from, to, reverse, snapshot });
    expect(iterator.sequence).toBe(snapshot?.sequence ?? this.#engine.appliedSequence);
    const entries = entriesOf(this.#model, tree, iterator.sequence);
    this.#pairs.push({ iterator, model: new ArrayIterator(entries, options) });
  }

  #move(pair: { iterator: EngineIterator; model: ArrayIterator } | undefined, moves: Move[]): void {
    if (pair === undefined) return;
    const { iterator, model } = pair;
    for (const move of moves) {
      const moved = [iterator, model].map((each) =>
        move.do === 'seek' ? each.seek(move.hi, move.lo) : each[move.do](),
      );
      expect(moved[0]).toBe(moved[1]);
      expect(iterator.valid).toBe(model.valid);
      if (!model.valid) continue;
      expect([iterator.hi, iterator.lo]).toEqual([model.hi, model.lo]);
      expect(Buffer.from(iterator.value)).toEqual(Buffer.from(model.value));
    }
  }
}

function entriesOf(model: Model, tree: number, sequence: number): KeyedValue[] {
  return model
    .at(sequence)
    .map(([key, value]) => ({ parts: key.split(' '), value: Buffer.from(value, 'hex') }))
    .filter(({ parts }) => Number(parts[0]) === tree)
    .map(({ parts, value }) => ({
      hi: Number.parseInt(parts[1], 16),
      lo: Number.parseInt(parts[2], 16),
      value,
    }));
}

test('an iterator moves as an index into a sorted array does', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 40, maxLength: 120, size: 'max' }),
      async (steps) => {
        const run = new Run(await openTiny(new MemoryFileSystem()));
        for (const step of steps) await run.take(step);
        await run.end();
      },
    ),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  );
});

test('an iterator outlives its snapshot, and keeps no memtable that it has moved on from', async () => {
  const engine = await openTiny(new MemoryFileSystem());
  const put = (value: number): void => {
    const changes = [1, 2, 3].map((lo) => {
      return { tree: 1, kind: 1 as const, hi: 0, lo, value: Uint8Array.of(value) };
    });
    engine.write(toBatch({ changes, attachments: [] }));
  };
  put(1);
  await engine.committed(engine.appliedSequence);
  const snapshot = engine.snapshot();
  const iterator = engine.iterator(1, { snapshot });
  expect(iterator.next()).toBe(true);
  snapshot.release();
  for (let value = 2; value < 6; value++) {
    put(value);
    await engine.checkpoint();
    await engine.compact();
  }
  expect([iterator.lo, [...iterator.value]]).toEqual([1, [1]]);
  expect(iterator.next()).toBe(true);
  expect([iterator.lo, [...iterator.value]]).toEqual([2, [1]]);
  // One that takes commits, one to spare.
  expect(engine.stats().memtableBytes).toBe(2 * 1024);
  expect(iterator.prev()).toBe(true);
  expect([iterator.lo, [...iterator.value]]).toEqual([1, [1]]);
  await engine.close();
  expect(iterator.valid).toBe(false);
  expect(() => iterator.next()).toThrow(expect.objectContaining({ code: 'DATABASE_CLOSED' }));
});

test('a closed iterator does not move, and an unknown tree has none', async () => {
  const engine = await openTiny(new MemoryFileSystem());
  const iterator = engine.iterator(1);
  iterator.close();
  iterator.close();
  expect(() => iterator.first()).toThrow(expect.objectContaining({ code: 'DATABASE_CLOSED' }));
  expect(() => engine.iterator(99)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(engine.stats().snapshots).toBe(0);
  await engine.close();
});
