/**
 * The power goes at calls to the file system of a trace that has everything: commits in three
 * durabilities' promises, checkpoints with a participant, compactions, a reopening. Whatever the disk kept:
 * acknowledged commits are there, the state is a prefix of the commits and whole commits, `check` passes,
 * and opening once more changes nothing.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import {
  type Commit,
  drainCompaction,
  Model,
  scanState,
  toBatch,
} from '../../bench/soak/engine-model.ts';
import { isDatabaseError } from '../../src/errors.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import type { Durability } from '../../src/lsm/engine-options.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { commit, expectState, openTiny } from './engine-harness.ts';

interface Promised {
  /** Of the last commit that was acknowledged. */
  sequence: number;
}

/** The trace. Stops with an error when the file system does. */
async function scenario(
  fileSystem: FaultyFileSystem,
  durability: Durability,
  commits: readonly Commit[],
  model: Model,
  promised: Promised,
): Promise<void> {
  let engine: LsmEngine | undefined = await openTiny(fileSystem, { durability });
  for (const [i, commit] of commits.entries()) {
    const sequence = engine.write(toBatch(commit));
    model.add(commit, sequence);
    const committed = engine.committed(sequence);
    // Some commits share a write.
    if (i % 3 === 0) committed.catch(() => {});
    else await committed;
    if (i % 3 !== 0 && durability === 'sync') promised.sequence = sequence;
    if (i % 4 === 3) {
      const sealed = engine.appliedSequence;
      await engine.checkpoint();
      promised.sequence = Math.max(promised.sequence, sealed);
    }
    if (i % 8 === 7) await drainCompaction(engine);
    if (i === commits.length >> 1) {
      await engine.close();
      promised.sequence = engine.appliedSequence;
      engine = await openTiny(fileSystem, { durability });
    }
  }
  await engine.compact();
  await engine.close();
  promised.sequence = model.sequence;
}

async function expectRecovered(
  disk: MemoryFileSystem,
  model: Model,
  promised: Promised,
): Promise<void> {
  const engine = await openTiny(disk);
  const { appliedSequence } = engine;
  expect(appliedSequence).toBeGreaterThanOrEqual(promised.sequence);
  expect(model.boundaries).toContain(appliedSequence);
  expectState(engine, model.at(appliedSequence));
  expect((await engine.check()).problems).toEqual([]);
  await engine.close();

  const again = await openTiny(disk);
  expect(again.appliedSequence).toBe(appliedSequence);
  expect(scanState(again)).toEqual(model.at(appliedSequence));
  // What was found can be gone on from, and is as safe as what comes after it.
  const next = again.write(toBatch({ changes: [], attachments: [Uint8Array.of(1)] }));
  await again.committed(next);
  const last = await openTiny(disk.crash(appliedSequence, 0));
  expect(last.appliedSequence).toBe(next);
  await last.checkpoint();
  await last.compact();
  expect(scanState(last)).toEqual(model.at(appliedSequence));
  await last.close();
}

/** Calls after which the disk can look different: the power may go before any of them. */
function isChange(call: string): boolean {
  return /^(open|write|truncate|sync|rename|remove|makeDirectory|syncDirectory) /.test(call);
}

/** What becomes of the unsynced: the part that a power cut leaves, or all when the process alone dies. */
export type End = number | 'killed';

/** Stops before every `stride`th change of the trace, in each of the ways by turns or, with 1, in all. */
export async function stopEverywhere(
  durability: Durability,
  stride: number,
  ends: readonly End[],
): Promise<void> {
  const commits = fc.sample(commit, { numRuns: 22, seed: 7 });
  const whole = new FaultyFileSystem(new MemoryFileSystem());
  await scenario(whole, durability, commits, new Model(), { sequence: 0 });
  const changes = whole.trace.flatMap((call, i) => (isChange(call) ? [i + 1] : []));
  expect(changes.length).toBeGreaterThan(100);

  for (let i = 0; i < changes.length; i += stride) {
    for (const end of stride === 1 ? ends : [ends[(i / stride) % ends.length]]) {
      const call = changes[i];
      const memory = new MemoryFileSystem();
      const faulty = new FaultyFileSystem(memory);
      faulty.stopAt(call);
      const model = new Model();
      const promised = { sequence: 0 };
      // A deletion that does not happen at the very end is no error.
      await scenario(faulty, durability, commits, model, promised).catch((error) => {
        if (!isDatabaseError(error)) throw error;
      });
      expect(faulty.isStopped).toBe(true);
      const disk = end === 'killed' ? memory : memory.crash(call, end);
      await expectRecovered(disk, model, promised);
    }
  }
}
