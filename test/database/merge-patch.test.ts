/** The examples of RFC 7396, appendix A, and what JavaScript adds. */
import { expect, test } from 'vitest';
import { mergePatch } from '../../src/database/merge-patch.ts';
import type { Json } from '../../src/database/record.ts';

const examples: [target: string, patch: string, result: string][] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', 'null', 'null'],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
];

test.each(examples)('%s patched with %s is %s', (target, patch, result) => {
  expect(mergePatch(JSON.parse(target) as Json, JSON.parse(patch) as Json)).toEqual(
    JSON.parse(result),
  );
});

test('nothing patched is the patch without its nulls', () => {
  expect(mergePatch(undefined, { a: 1, b: null })).toEqual({ a: 1 });
});

test('__proto__ is a key like any other', () => {
  const patched = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}') as Json);
  expect(Object.keys(patched as object)).toEqual(['__proto__']);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});
