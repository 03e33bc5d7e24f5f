/**
 * Calls to the file system fail, one in each run. Whatever the engine was doing: it succeeds or throws a typed
 * error, what it then still answers is right, and after a reopening nothing acknowledged is missing.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import {
  type Commit,
  drainCompaction,
  Model,
  nextTurn,
  toBatch,
} from '../../bench/soak/engine-model.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { type FaultKind, FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { commit, expectState, openTiny } from './engine-harness.ts';

const commits = fc.sample(commit, { numRuns: 16, seed: 11 });

/** Goes on after every error as far as the engine lets it; returns what was acknowledged. */
async function scenario(fileSystem: FaultyFileSystem, model: Model): Promise<number> {
  let acknowledged = 0;
  const engine = await attempt(() => openTiny(fileSystem));
  if (!(engine instanceof LsmEngine)) return 0;
  for (const [i, commit] of commits.entries()) {
    acknowledged = Math.max(acknowledged, await tryCommit(engine, model, commit));
    if (i % 4 === 3) {
      const sealed = engine.appliedSequence;
      if ((await attempt(() => engine.checkpoint())) === undefined) {
        acknowledged = Math.max(acknowledged, sealed);
      }
    }
    if (i % 8 === 7) await attempt(() => drainCompaction(engine));
    expectAnswers(engine, model);
  }
  await attempt(() => engine.compact());
  expectAnswers(engine, model);
  const isClosed = (await attempt(() => engine.close())) === undefined;
  if (isClosed && engine.failure === undefined) acknowledged = engine.appliedSequence;
  return acknowledged;
}

async function tryCommit(engine: LsmEngine, model: Model, commit: Commit): Promise<number> {
  const sequence = await attempt(async () => engine.write(toBatch(commit)));
  if (typeof sequence !== 'number') {
    expect(engine.state).toBe('readonly');
    return 0;
  }
  model.add(commit, sequence);
  const outcome = await attempt(() => engine.committed(sequence));
  if (outcome === undefined) return sequence;
  expect(outcome).toMatchObject({ code: 'IO' });
  expect(engine.failure).toBe(outcome);
  return 0;
}

/** Reads may fail where a fault hits them, and are right the next time. */
function expectAnswers(engine: LsmEngine, model: Model): void {
  try {
    expectState(engine, model.at());
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    expectState(engine, model.at());
  }
}

/** The result, or the typed error. */
async function attempt<T>(run: () => Promise<T>): Promise<T | Error> {
  try {
    return await run();
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    return error;
  }
}

/** Fails every `stride`th call of the trace, from the `first`, in a run of its own. */
export async function failCalls(kind: FaultKind, first: number, stride: number): Promise<void> {
  const whole = new FaultyFileSystem(new MemoryFileSystem());
  await scenario(whole, new Model());
  expect(whole.calls).toBeGreaterThan(100);

  for (let call = first; call <= whole.calls; call += stride) {
    const memory = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(memory);
    faulty.failCall(call, kind);
    const model = new Model();
    const acknowledged = await scenario(faulty, model);
    await nextTurn();
    for (const keep of [0, 1]) {
      const disk = memory.crash(call, keep);
      const engine = await openTiny(disk);
      expect(engine.appliedSequence).toBeGreaterThanOrEqual(acknowledged);
      expectState(engine, model.at(engine.appliedSequence));
      expect(model.boundaries).toContain(engine.appliedSequence);
      expect((await engine.check()).problems).toEqual([]);
      await engine.close();
    }
  }
}
