/**
 * What the engine tests share: a tiny engine, whose hundred operations reach several levels, and random
 * commits for it. Its model is the one of the soaks.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import {
  type Change,
  COUNTS,
  type Commit,
  HI,
  LISTS,
  LO,
  PLAIN,
  readState,
  type State,
  scanState,
} from '../../bench/soak/engine-model.ts';
import { type Hasher, loadHasher } from '../../src/base/hasher.ts';
import { encodeCount } from '../../src/lsm/counter.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import type { EngineOptions } from '../../src/lsm/engine-options.ts';
import { DELETE, MERGE, SET } from '../../src/lsm/entry.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';

export const DIRECTORY = 'data/lsm';

const hasher: Hasher = await loadHasher();

export function tinyOptions(changes: Partial<EngineOptions> = {}): EngineOptions {
  return {
    trees: [
      { id: PLAIN, name: 'plain' },
      { id: LISTS, name: 'lists', mergeOperator: 'adjacency', filterBitsPerKey: 0 },
      { id: COUNTS, name: 'counts', mergeOperator: 'counter' },
    ],
    hasher,
    durability: 'sync',
    memtableBytes: 1024,
    blockCacheBytes: 4096,
    tableBytes: 256,
    blockBytes: 128,
    levelRatio: 2,
    level0Tables: 2,
    baseLevelBytes: 300,
    autoCompact: false,
    ...changes,
  };
}

export function openTiny(
  fileSystem: FileSystem,
  changes: Partial<EngineOptions> = {},
): Promise<LsmEngine> {
  return LsmEngine.open(fileSystem, DIRECTORY, tinyOptions(changes));
}

const hi = fc.constantFrom(...HI);
const lo = fc.constantFrom(...LO);
const bytes = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 150, maxLength: 300 }) },
);
const ids = fc
  .uniqueArray(fc.nat(12), { maxLength: 8 })
  .map((list) => Uint32Array.from(list).sort());

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      tree: fc.constant(PLAIN),
      kind: fc.constant(SET),
      hi,
      lo,
      value: bytes,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      tree: fc.constantFrom(PLAIN, LISTS, COUNTS),
      kind: fc.constant(DELETE),
      hi,
      lo,
      value: fc.constant(new Uint8Array(0)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      tree: fc.constant(LISTS),
      kind: fc.constant(SET),
      hi,
      lo,
      value: ids.map(encodeList),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      tree: fc.constant(COUNTS),
      kind: fc.constantFrom(SET, MERGE, MERGE, MERGE),
      hi,
      lo,
      value: fc.integer({ min: -1000, max: 1000 }).map(encodeCount),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      tree: fc.constant(LISTS),
      kind: fc.constant(MERGE),
      hi,
      lo,
      value: fc.tuple(ids, ids).map(([added, removed]) =>
        encodeEdges(
          added,
          removed.filter((id) => !added.includes(id)),
        ),
      ),
    }),
  },
);

export const commit: fc.Arbitrary<Commit> = fc.record({
  changes: fc.array(change, { minLength: 1, maxLength: 6 }),
  attachments: fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 2 }),
});

/** Both ways of reading agree with the model. */
export function expectState(engine: LsmEngine, expected: State, sequence?: number): void {
  expect(readState(engine, sequence)).toEqual(expected);
  expect(scanState(engine, sequence)).toEqual(expected);
}
