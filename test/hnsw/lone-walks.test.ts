/** Which walks are done at once where threads could share them, and which wait for company. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LoneWalks } from '../../src/hnsw/lone-walks.ts';

const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

test('whoever asks again after each answer is alone, without a turn of the event loop', async () => {
  const lone = new LoneWalks();
  const answer = async (): Promise<boolean> => lone.enter();
  for (let i = 0; i < 5; i++) expect(await answer()).toBe(true);
});

test('of those who ask in one run of JavaScript the first is alone', async () => {
  const lone = new LoneWalks();
  expect([lone.enter(), lone.enter(), lone.enter()]).toEqual([true, false, false]);
  await setImmediate();
  expect(lone.enter()).toBe(true);
});

test('callers who go on in turns are not alone', async () => {
  const lone = new LoneWalks();
  const answers: boolean[][] = [[], []];
  const caller = async (own: boolean[]): Promise<void> => {
    for (let i = 0; i < 4; i++) own.push(await (async () => lone.enter())());
  };
  await Promise.all(answers.map(caller));
  expect(answers.flat().filter((isAlone) => !isAlone).length).toBeGreaterThanOrEqual(4);
});

test('who asks after another in the same turn of the event loop is not alone, and in the next turn he is', async () => {
  const lone = new LoneWalks();
  expect(lone.enter()).toBe(true);
  // As the next of several requests that came in together.
  await tick();
  expect(lone.enter()).toBe(false);
  await setImmediate();
  expect(lone.enter()).toBe(true);
});
