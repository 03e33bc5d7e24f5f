/** How leaders become shards, and how the lists of two shards become one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeList } from '../../src/hnsw/build-merge.ts';
import { groupLeaders } from '../../src/hnsw/build-shards.ts';

test('shards of several leaders have room for all members, guests included', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 9 }).chain((leaders) =>
        fc.record({
          leaders: fc.constant(leaders),
          pairs: fc.array(fc.nat(20), {
            minLength: leaders * leaders,
            maxLength: leaders * leaders,
          }),
          most: fc.integer({ min: 1, max: 600 }),
        }),
      ),
      ({ leaders, pairs, most }) => {
        const shards = groupLeaders(Uint32Array.from(pairs), leaders, most);
        const count = 1 + Math.max(...shards);
        for (let shard = 0; shard < count; shard++) {
          const own = [...shards.keys()].filter((leader) => shards[leader] === shard);
          expect(own.length).toBeGreaterThan(0);
          let members = 0;
          for (let a = 0; a < leaders; a++) {
            for (let b = 0; b < leaders; b++) {
              if (own.includes(a) || own.includes(b)) members += pairs[a * leaders + b];
            }
          }
          if (own.length > 1) expect(members).toBeLessThanOrEqual(most);
        }
      },
    ),
  );
});

test('leaders that share many members come together', () => {
  // 0 and 2 are close, so are 1 and 3.
  const pairs = Uint32Array.from([0, 1, 9, 1, 1, 0, 1, 9, 9, 1, 0, 1, 1, 9, 1, 0]);
  expect([...groupLeaders(pairs, 4, 28)]).toEqual([0, 1, 0, 1]);
  expect([...groupLeaders(pairs, 4, 100)]).toEqual([0, 0, 0, 0]);
});

test('a merged list takes from both by turns, once, up to its cap', () => {
  const ids = fc.uniqueArray(fc.nat(12), { maxLength: 6 });
  fc.assert(
    fc.property(ids, ids, (old, given) => {
      const cap = 6;
      const u32 = new Uint32Array(20).fill(99);
      const list = 5;
      u32[list] = old.length;
      u32.set(old, list + 1);
      mergeList(u32, list, Uint32Array.from(given), new Uint32Array(cap));
      const merged = [...u32.subarray(list + 1, list + 1 + u32[list])];
      const turns: number[] = [];
      for (let i = 0; i < cap; i++) turns.push(...old.slice(i, i + 1), ...given.slice(i, i + 1));
      expect(merged).toEqual([...new Set(turns)].slice(0, cap));
      // Nothing outside is touched.
      expect([...u32.subarray(0, list)]).toEqual([99, 99, 99, 99, 99]);
      expect(u32[list + 1 + cap]).toBe(99);
    }),
  );
});
