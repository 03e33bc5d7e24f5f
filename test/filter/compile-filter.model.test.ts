/** Parsed and compiled filters against the plain reading of their JSON. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { canonicalText } from '../../src/filter/canonical-text.ts';
import { compileCondition } from '../../src/filter/compile-filter.ts';
import { parseFilter } from '../../src/filter/parse-filter.ts';
import { valueAt } from '../../src/filter/path.ts';
import { arbitraryFilter, arbitraryMetadata } from './arbitrary-filter.ts';
import { evaluate, find } from './evaluate.ts';

type JsonObject = { readonly [key: string]: Json };

test('a compiled filter passes what the plain reading of it passes', () => {
  const answers = { true: 0, false: 0 };
  fc.assert(
    fc.property(
      arbitraryFilter,
      fc.array(arbitraryMetadata, { minLength: 2, maxLength: 2 }),
      (filter, metadata) => {
        const passes = compileCondition(parseFilter(filter));
        for (const one of metadata) {
          const isMatch = evaluate(filter, one);
          expect(passes(one)).toBe(isMatch);
          answers[`${isMatch}`]++;
        }
      },
    ),
    { numRuns: 10_000, seed: 20_260_101 },
  );
  expect(answers.true + answers.false).toBe(20_000);
  expect(Math.min(answers.true, answers.false)).toBeGreaterThan(3000);
});

test('a path finds what trying every cut of it finds first', () => {
  const key = fc.constantFrom('a', 'b', 'a.b', '.', 'a.', '');
  const tree = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<Json>(1, null),
      fc.dictionary(key, tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const path = fc
    .array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 })
    .map((all) => all.join(''));
  fc.assert(
    fc.property(tree, path, (metadata, name) => {
      expect(valueAt(metadata, name)).toEqual(find(metadata, name));
    }),
    { numRuns: 3000 },
  );
});

test('filters of equal text pass the same, and the order of keys and parts does not change the text', () => {
  const texts = new Map<string, JsonObject>();
  const metadata = fc.sample(arbitraryMetadata, { numRuns: 20, seed: 7 });
  fc.assert(
    fc.property(arbitraryFilter, (filter) => {
      const text = canonicalText(parseFilter(filter));
      expect(canonicalText(parseFilter(reversed(filter)))).toBe(text);
      const other = texts.get(text);
      texts.set(text, filter);
      if (other === undefined) return;
      for (const one of metadata) expect(evaluate(other, one)).toBe(evaluate(filter, one));
    }),
    { numRuns: 2000 },
  );
});

/** The same filter, every object's keys and the parts of `$and`, `$or`, `$nor`, `$in` the other way round. */
function reversed(value: Json, name = ''): Json {
  if (Array.isArray(value)) {
    const inside = value.map((one) => reversed(one as Json));
    return ['$and', '$or', '$nor', '$in', '$nin', '$any', '$all'].includes(name)
      ? inside.reverse()
      : inside;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inside]): [string, Json] => [
    key,
    reversed(inside, key),
  ]);
  return Object.fromEntries(entries.reverse());
}
