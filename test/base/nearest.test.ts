import { expect, test } from 'vitest';
import { nearestName } from '../../src/base/nearest.ts';

const known = ['collection', 'dimension', 'metric', 'k', 'ef'];

test('a typo finds the name that was meant', () => {
  expect(nearestName('colection', known)).toBe('collection');
  expect(nearestName('Dimensions', known)).toBe('dimension');
  expect(nearestName('mertic', known)).toBe('metric');
  expect(nearestName('dim', known)).toBe('dimension');
  expect(nearestName('gte', ['set', 'get', 'put'])).toBe('get');
});

test('an unrelated word finds nothing', () => {
  expect(nearestName('banana', known)).toBeUndefined();
  expect(nearestName('', known)).toBeUndefined();
});
