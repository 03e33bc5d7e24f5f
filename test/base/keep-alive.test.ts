import { expect, test } from 'vitest';
import { keepAlive } from '../../src/base/keep-alive.ts';

/** What keeps this process alive by time alone. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

test('a process is kept alive until all have let it go, each once', () => {
  const before = timers();
  const first = keepAlive();
  const second = keepAlive();
  expect(timers()).toBe(before + 2);
  first();
  first();
  expect(timers()).toBe(before + 1);
  second();
  expect(timers()).toBe(before);
});
