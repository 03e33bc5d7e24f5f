/** Bits of filters by level: the budget is kept, false positives become fewer, and reads stay right. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { BlockCache } from '../../src/lsm/block-cache.ts';
import { addToFilter, filterWordCount, mayContain } from '../../src/lsm/bloom-filter.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import type { TreeSpec } from '../../src/lsm/engine-options.ts';
import { SET } from '../../src/lsm/entry.ts';
import { filterBitsOf, monkeyBits } from '../../src/lsm/filter-bits.ts';
import { TableReader } from '../../src/lsm/table-reader.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { hasher } from './build-table.ts';
import { DIRECTORY, tinyOptions } from './engine-harness.ts';
import { cutTables, type ModelRuns } from './model-tree.ts';

const shape = fc.record({
  bits: fc.double({ min: 0.5, max: 16, noNaN: true }),
  heightOfTop: fc.integer({ min: 1, max: 6 }),
  levelRatio: fc.integer({ min: 2, max: 20 }),
  hasLast: fc.boolean(),
});

/** Keys of each level, by height: T times fewer a level up. */
function keysByHeight(heightOfTop: number, levelRatio: number): number[] {
  return Array.from({ length: heightOfTop + 1 }, (_, height) => 1e9 * levelRatio ** -height);
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

test('the budget is that of uniform bits, and false positives are never more', () => {
  fc.assert(
    fc.property(shape, ({ bits, ...of }) => {
      const allocated = monkeyBits(bits, of);
      const keys = keysByHeight(of.heightOfTop, of.levelRatio);
      const filtered = keys.map((count, height) => (height === 0 && !of.hasLast ? 0 : count));
      const used = sum(filtered.map((count, height) => count * allocated[height]));
      const budget = bits * sum(filtered);
      expect(used).toBeLessThanOrEqual(budget * (1 + 1e-9));
      // Short of it only where a level is at the most that a filter can use.
      if (Math.max(...allocated) < 24) expect(used).toBeGreaterThan(budget * (1 - 1e-9));
      const rate = (perKey: number): number => Math.exp(-perKey * Math.LN2 ** 2);
      const from = of.hasLast ? 0 : 1;
      const monkey = sum(allocated.slice(from).map(rate));
      expect(monkey).toBeLessThanOrEqual(rate(bits) * (allocated.length - from) + 1e-4);
      if (!of.hasLast) expect(allocated[0]).toBe(0);
    }),
  );
});

test('real filters of the same bytes let fewer absent keys through', () => {
  const keys = [40_000, 4000, 400, 40];
  const falsePositives = (bits: readonly number[]): { passed: number; words: number } => {
    const random = seededRandom(7);
    const filters = keys.map((count, height) => {
      const words = new Uint32Array(filterWordCount(count, bits[height]));
      for (let i = 0; i < count; i++) addToFilter(words, height, Math.floor(random() * 2 ** 32));
      return words;
    });
    let passed = 0;
    for (let probe = 0; probe < 200_000; probe++) {
      for (const words of filters) if (mayContain(words, 99, probe)) passed++;
    }
    return { passed, words: sum(filters.map(({ length }) => length)) };
  };
  const shape = { heightOfTop: 3, levelRatio: 10, hasLast: true };
  const monkey = falsePositives(monkeyBits(6, shape));
  const uniform = falsePositives([6, 6, 6, 6]);
  expect(monkey.words).toBeLessThanOrEqual(uniform.words * 1.01);
  expect(monkey.passed).toBeLessThan(uniform.passed * 0.6);
});

test('the place of a table decides, in either style', () => {
  const spec: TreeSpec = { id: 1, name: 't', filterBits: 'monkey', filterBitsPerKey: 10 };
  const entry = { hi: 0, lo: 1, sequence: 1, kind: SET, value: new Uint8Array(1000) } as const;
  const runs: ModelRuns = [{ level: 6, number: 1, tables: cutTables([entry], 1, 1) }];
  const options = { compaction: 'leveled', levelRatio: 10, baseLevelBytes: 50 } as const;
  const bits = (level: number, isLast = false, of = spec): number =>
    filterBitsOf(of, runs, { level, isLast }, options);
  // The base is level 4: data of 1020 bytes, targets of 102 and 10.
  expect([bits(6, true), bits(5), bits(4), bits(0)].map(Math.round)).toEqual([9, 14, 19, 24]);
  expect(bits(1)).toBe(bits(0));
  const none: TreeSpec = { ...spec, lastLevelFilter: false };
  expect(bits(6, true, none)).toBe(0);
  expect(bits(5, false, none)).toBeGreaterThan(9);
  const uniform: TreeSpec = { ...spec, filterBits: 'uniform' };
  expect([bits(6, true, uniform), bits(0, false, uniform)]).toEqual([10, 10]);
  const bare: TreeSpec = { ...uniform, lastLevelFilter: false };
  expect([bits(6, true, bare), bits(6, false, bare)]).toEqual([0, 10]);
  expect(bits(0, false, { ...spec, filterBitsPerKey: 0 })).toBe(0);
  const tiered = { ...options, compaction: 'tiered' } as const;
  expect(filterBitsOf(spec, [], { level: 0, isLast: false }, tiered)).toBeGreaterThan(13);
});

test('an engine writes none on the last level, and reads stay right', async () => {
  for (const compaction of ['leveled', 'tiered'] as const) {
    const files = new MemoryFileSystem();
    const trees: TreeSpec[] = [
      { id: 1, name: 'plain', filterBits: 'monkey', lastLevelFilter: false },
      { id: 2, name: 'lists', mergeOperator: 'adjacency' },
    ];
    const engine = await LsmEngine.open(files, DIRECTORY, tinyOptions({ trees, compaction }));
    const model = new Map<number, number>();
    const random = seededRandom(3);
    for (let commit = 0; commit < 300; commit++) {
      const batch = new WriteBatch();
      const key = 2 * Math.floor(random() * 100);
      batch.set(1, 0, key, Uint8Array.of(commit & 255));
      model.set(key, commit & 255);
      await engine.committed(engine.write(batch));
      if (commit % 20 === 19) await engine.checkpoint();
      while (engine.compactStep(10)) await new Promise((resolve) => setImmediate(resolve));
    }
    for (let key = 0; key < 210; key++) {
      expect(engine.get(1, 0, key)?.[0]).toBe(model.get(key));
    }
    await engine.compact();
    for (let key = 0; key < 210; key++) {
      expect(engine.get(1, 0, key)?.[0]).toBe(model.get(key));
    }
    await engine.close();
    const bits = files
      .list(DIRECTORY)
      .filter((name) => name.endsWith('.table'))
      .map((name) => {
        const file = files.open(`${DIRECTORY}/${name}`, 'read');
        const cache = new BlockCache({ bytes: 1 << 16 });
        const reader = TableReader.open(file, Number.parseInt(name, 10), { cache, hasher });
        const { filterBitsPerKey } = reader.properties;
        reader.close();
        return filterBitsPerKey;
      });
    expect(bits.length).toBeGreaterThan(0);
    expect(bits.every((each) => each === 0)).toBe(true);
  }
});
