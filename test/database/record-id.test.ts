import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeId, encodeId, identityOf, sameId } from '../../src/database/record-id.ts';

const id = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);

test('an id comes back in the form in which it was given', () => {
  fc.assert(
    fc.property(id, (given) => {
      // -0 is 0: there is one integer zero.
      expect(decodeId(encodeId(given))).toBe(Object.is(given, -0) ? 0 : given);
    }),
  );
});

test('two ids are the same when they are equal strings or equal integers', () => {
  const isInteger = (value: unknown): boolean => typeof value !== 'string';
  fc.assert(
    fc.property(id, id, (a, b) => {
      const equal =
        isInteger(a) === isInteger(b) && (isInteger(a) ? BigInt(a) === BigInt(b) : a === b);
      const [first, second] = [encodeId(a), encodeId(b)];
      expect(sameId(first, second)).toBe(equal);
      expect(identityOf('n', first) === identityOf('n', second)).toBe(equal);
    }),
  );
});

test.each([
  [1, 1n, true],
  [1, '1', false],
  ['a', 'a', true],
  ['a', 'b', false],
  [-1, -1n, true],
])('%s and %s: same is %s', (a, b, same) => {
  expect(sameId(encodeId(a), encodeId(b))).toBe(same);
});

test('namespaces part ids', () => {
  const bytes = encodeId('x');
  expect(identityOf('a', bytes)).not.toBe(identityOf('b', bytes));
  expect(identityOf('as', encodeId('b'))).not.toBe(identityOf('a', encodeId('sb')));
});

test.each([
  ['', 'empty'],
  ['x'.repeat(1025), 'too long'],
  ['\ud800', 'not well-formed'],
  [1.5, 'a fraction'],
  [2 ** 53, 'not a safe integer'],
  [Number.NaN, 'not a number'],
  [2n ** 63n, 'over 64 bits'],
  [null, 'null'],
  [{}, 'an object'],
] as [unknown, string][])('%s is refused (%s)', (given) => {
  expect(() => encodeId(given as string)).toThrowError(/^id: /);
});

test('1,024 bytes of UTF-8 are the limit, not 1,024 characters', () => {
  expect(encodeId('é'.repeat(512)).length).toBe(1025);
  expect(() => encodeId('é'.repeat(513))).toThrowError(/1026/);
});

test('bytes that are no id are corruption', () => {
  for (const bytes of [[], [3, 1], [1, 2, 3], [0, 0xff]]) {
    expect(() => decodeId(Uint8Array.from(bytes))).toThrowError(/malformed/);
  }
});
