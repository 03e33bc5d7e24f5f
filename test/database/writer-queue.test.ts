import { expect, test } from 'vitest';
import { WriterQueue } from '../../src/database/writer-queue.ts';

test('turns run one at a time, in the order in which they were asked for', async () => {
  const queue = new WriterQueue();
  const log: string[] = [];
  const turn = (name: string) => async (): Promise<string> => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    log.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all([queue.run(turn('a')), queue.run(turn('b'))]);
  expect(results).toEqual(['a', 'b']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});

test('a turn that fails rejects its caller alone', async () => {
  const queue = new WriterQueue();
  const failed = queue.run(() => Promise.reject(new Error('no')));
  const after = queue.run(() => Promise.resolve('yes'));
  await expect(failed).rejects.toThrow('no');
  await expect(after).resolves.toBe('yes');
  await queue.drain();
  expect(queue.length).toBe(0);
});
