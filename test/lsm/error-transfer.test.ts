import { expect, test } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { CorruptionError, DatabaseError } from '../../src/errors.ts';
import { packError, unpackError } from '../../src/lsm/error-transfer.ts';

function sent(error: unknown): Error {
  return unpackError(structuredClone(packError(error)));
}

test('an error of the library arrives as it was thrown, with the cause of the system', () => {
  const cause = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  const arrived = sent(new DatabaseError('IO', 'cannot write the file x', { cause }));
  expect(arrived).toBeInstanceOf(DatabaseError);
  expect(arrived).toMatchObject({ code: 'IO', message: 'cannot write the file x' });
  expect(arrived.cause).toMatchObject({ code: 'ENOSPC', message: 'ENOSPC: no space left' });
});

test('damage arrives with its place', () => {
  const location = { file: 'a/000001.table', offset: 4096 };
  const error = new CorruptionError('block checksum mismatch', location);
  const arrived = sent(error);
  expect(arrived).toBeInstanceOf(CorruptionError);
  expect(arrived).toMatchObject({ code: 'CORRUPTION', message: error.message, location });
});

test('a broken invariant stays one', () => {
  const error = new AssertionError('entries come in order');
  const arrived = sent(error);
  expect(arrived).toBeInstanceOf(AssertionError);
  expect(arrived.message).toBe(error.message);
  expect(arrived.stack).toBe(error.stack);
});

test('anything else keeps its name, and causes that go round come to an end', () => {
  const error = new TypeError('x is not a function');
  error.cause = error;
  expect(sent(error)).toMatchObject({ name: 'TypeError', message: 'x is not a function' });
  expect(sent('a string')).toMatchObject({ message: 'a string' });
});
