/**
 * The engine with its jobs in a worker thread against its model: commits, checkpoints beside commits,
 * compactions, snapshots and reopenings on a real directory. Needs a build (`npm test` makes one).
 */
import fc from 'fast-check';
import { test } from 'vitest';
import { Model, type State, toBatch } from '../../bench/soak/engine-model.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import type { Snapshot } from '../../src/lsm/engine-options.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { tempDir } from '../temp-dir.ts';
import { commit, expectState, tinyOptions } from './engine-harness.ts';

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: commit },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        'checkpoint' as const,
        'checkpoint beside commits' as const,
        'compact' as const,
        'snapshot' as const,
        'reopen' as const,
      ),
    },
  ),
  { minLength: 15, maxLength: 40 },
);

function open(path: string): Promise<LsmEngine> {
  const options = tinyOptions({ executor: 'worker', autoCompact: true, durability: 'os' });
  return LsmEngine.open(new NodeFileSystem(), path, options);
}

test('with a worker thread a tiny engine behaves like a list of commits', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      await using directory = await tempDir();
      let engine = await open(directory.path);
      const model = new Model();
      let held: { readonly snapshot: Snapshot; readonly expected: State } | undefined;
      let flushing: Promise<void> | undefined;
      for (const step of history) {
        if (typeof step === 'object') {
          model.add(step, engine.write(toBatch(step)));
        } else if (step === 'compact') {
          await engine.compact();
        } else if (step === 'snapshot') {
          held?.snapshot.release();
          await engine.committed(engine.appliedSequence);
          const snapshot = engine.snapshot();
          held = { snapshot, expected: model.at(snapshot.sequence) };
        } else {
          flushing = engine.checkpoint();
          if (step !== 'checkpoint beside commits') await flushing;
        }
        if (step === 'reopen') {
          held = undefined;
          await engine.close();
          engine = await open(directory.path);
        }
        expectState(engine, model.at());
        if (held !== undefined) expectState(engine, held.expected, held.snapshot.sequence);
      }
      await flushing;
      await engine.close();
    }),
    { numRuns: 5 },
  );
});
