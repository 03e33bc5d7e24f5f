import { expect, test } from 'vitest';
import { DatabaseError, retry } from '../../src/index.ts';

const conflict = (): DatabaseError => new DatabaseError('CONFLICT', 'lost');

test('what loses a race is repeated, after pauses that grow up to a bound', async () => {
  const pauses: number[] = [];
  let calls = 0;
  const result = await retry(
    async () => {
      calls++;
      if (calls < 10) throw conflict();
      return calls;
    },
    { sleep: async (ms) => void pauses.push(ms), random: () => 0.5 },
  );
  expect(result).toBe(10);
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 50, 50, 50]);
});

test('the last error is thrown when all attempts are lost', async () => {
  let calls = 0;
  const losing = async (): Promise<never> => {
    calls++;
    throw conflict();
  };
  await expect(retry(losing, { attempts: 3, sleep: async () => {} })).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  expect(calls).toBe(3);
});

test('any other error ends it at once', async () => {
  let calls = 0;
  const failing = async (): Promise<never> => {
    calls++;
    throw new Error('no');
  };
  await expect(retry(failing)).rejects.toThrow('no');
  expect(calls).toBe(1);
  await expect(retry(failing, { attempts: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('what is no function is refused', async () => {
  await expect(retry(3 as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'fn: expected a function, got 3',
  });
});
