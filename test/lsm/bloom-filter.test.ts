import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addToFilter, filterWordCount, mayContain } from '../../src/lsm/bloom-filter.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });

test('a filter never misses a key', () => {
  const keys = fc.array(fc.tuple(u32, u32), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(keys, fc.constantFrom(0.5, 1, 4, 10, 20), (keys, bitsPerKey) => {
      const words = new Uint32Array(filterWordCount(keys.length, bitsPerKey));
      for (const [hi, lo] of keys) addToFilter(words, hi, lo);
      expect(keys.every(([hi, lo]) => mayContain(words, hi, lo))).toBe(true);
    }),
  );
});

test.each([
  ['dense nodes of one graph', (i: number) => [256, i]],
  ['every other node', (i: number) => [256, 2 * i]],
  ['keys that differ in the high half alone', (i: number) => [i, 0]],
])('ten bits a key let few absent keys pass: %s', (_, keyOf) => {
  const count = 20_000;
  const words = new Uint32Array(filterWordCount(count, 10));
  for (let i = 0; i < count; i++) {
    const [hi, lo] = keyOf(i);
    addToFilter(words, hi, lo);
  }
  let passed = 0;
  for (let i = count; i < 3 * count; i++) {
    const [hi, lo] = keyOf(i);
    if (mayContain(words, hi, lo)) passed++;
  }
  expect(passed / (2 * count)).toBeLessThan(0.015);
});
