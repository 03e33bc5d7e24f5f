/** Walks that share threads share a bound on their memory. */
import { expect, test } from 'vitest';
import { WalkAdmission } from '../../src/hnsw/walk-admission.ts';

test('walks enter as long as there is room, and in their order after that', async () => {
  const admission = new WalkAdmission(100);
  const entered: string[] = [];
  const enter = (name: string, bytes: number): void => {
    const waiting = admission.enter(bytes);
    if (waiting === undefined) entered.push(name);
    else void waiting.then(() => entered.push(name));
  };
  enter('a', 60);
  enter('b', 40);
  enter('c', 70);
  // There would be room for it before c, but c came first.
  enter('d', 10);
  expect(entered).toEqual(['a', 'b']);
  admission.leave(40);
  await Promise.resolve();
  expect(entered).toEqual(['a', 'b']);
  admission.leave(60);
  await Promise.resolve();
  expect(entered).toEqual(['a', 'b', 'c', 'd']);
});

test('a walk that is larger than all there is enters alone', async () => {
  const admission = new WalkAdmission(100);
  expect(admission.enter(500)).toBeUndefined();
  const next = admission.enter(1);
  expect(next).toBeInstanceOf(Promise);
  admission.leave(500);
  await next;
  expect(admission.enter(99)).toBeUndefined();
  expect(admission.enter(1)).toBeInstanceOf(Promise);
});
