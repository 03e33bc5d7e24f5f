import { expect, test } from 'vitest';
import { isDatabaseError } from '../../src/errors.ts';
import { checkRegex } from '../../src/filter/check-regex.ts';

function isRefused(source: string, flags = ''): boolean {
  try {
    checkRegex(source, flags, 'filter.a.$regex');
    return false;
  } catch (error) {
    if (isDatabaseError(error) && error.message.startsWith('filter.a.$regex: ')) return true;
    throw error;
  }
}

test('patterns that V8 does not compile are refused', () => {
  for (const source of ['(', '[', 'a**', '\\']) expect(isRefused(source), source).toBe(true);
  expect(isRefused('\\p{Foo}', 'u')).toBe(true);
});

test('groups that repeat and match in several ways are refused', () => {
  const refused = [
    '(a+)+',
    '(a*)*b',
    '(?:a+){2,}',
    '(a|a)*',
    '(a|ab)*c',
    '(a|[ab])+',
    '(a|A)+',
    '(a|)+',
    '(|a)+',
    '(a?b?)*',
    '((a+)b)*',
    '((a)?(b)?)*',
    '((a|a)b)*',
    '(?<name>x+)+',
    '(a{1,5})+',
    '(a{1,})*',
    '(.*)*x',
    '(\\w+\\s?)*$',
    '(a)\\1',
    '(?<n>a)\\k<n>',
    '(a+){10}',
    '(?=(a+)+)b',
  ];
  for (const source of refused) expect(isRefused(source), source).toBe(true);
  expect(isRefused('(\\u{61}+)+', 'u')).toBe(true);
  expect(isRefused('(\\p{L}+)+', 'u')).toBe(true);
});

test('ordinary patterns are taken', () => {
  const taken = [
    '',
    'abc',
    '^foo.*bar$',
    '\\d{4}-\\d{2}-\\d{2}',
    '(foo|bar)+',
    '(?:-\\d{2})*',
    '(a+)?',
    '(a|ab)c',
    '[)(+*]+',
    '[\\]+]+\\)',
    '\\(a+\\)+',
    '^[\\w.]+@[\\w.]+$',
    '(?<year>\\d+)-(?!x)(?<=-)y',
    '(\\.x|-y)*',
    '(a{3})+',
    'a{',
  ];
  for (const source of taken) expect(isRefused(source), source).toBe(false);
  expect(isRefused('\\p{L}+\\u{61}', 'u')).toBe(false);
});

test('the length and the number of repetitions are bounded', () => {
  expect(isRefused('x'.repeat(256))).toBe(false);
  expect(isRefused('x'.repeat(257))).toBe(true);
  expect(isRefused('a*b'.repeat(10))).toBe(false);
  expect(isRefused('a*b'.repeat(11))).toBe(true);
});
