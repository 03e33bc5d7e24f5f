/**
 * The process dies, or the power fails, at every file-system call of a short trace through the whole
 * database: records, graph, vectors and a checkpoint. What was acknowledged is there, the state is that
 * after some prefix of the commits, and a second reopen changes nothing.
 */
import { describe, expect, test } from 'vitest';
import { type Collection, open } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import {
  expectEqual,
  HISTORY_OPTIONS,
  type Model,
  remove,
  type Stored,
  upsert,
  type Write,
} from './history.ts';

const trace: (Write | 'flush')[] = [
  upsert(0, 16, 1),
  upsert(5, 4, 2),
  'flush',
  remove([1, 6]),
  upsert(20, 3, 3),
  'flush',
  upsert(0, 2, 4),
  remove([20]),
];

/** Runs the trace; returns how many writes were acknowledged and how many were begun. */
async function runTrace(fileSystem: FileSystem): Promise<{ acknowledged: number; begun: number }> {
  let acknowledged = 0;
  let begun = 0;
  try {
    const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
    const collection: Collection<Stored['metadata']> = await db.collection(
      'things',
      HISTORY_OPTIONS,
    );
    for (const step of trace) {
      if (step === 'flush') await db.flush();
      else {
        begun++;
        await step.run(collection);
        acknowledged++;
      }
    }
    await db.close();
  } catch {
    // The crash. Whatever it left is looked at afterwards.
  }
  return { acknowledged, begun };
}

/** The states after each prefix of the writes. */
function prefixes(): Model[] {
  const states: Model[] = [new Map()];
  for (const step of trace) {
    if (step !== 'flush') states.push(step.apply(states[states.length - 1]));
  }
  return states;
}

async function storedSize(collection: Collection<Stored['metadata']>): Promise<string> {
  const rows: string[] = [];
  for await (const { id, metadata } of collection.scan({ include: ['metadata'] })) {
    rows.push(`${id}:${metadata?.n}`);
  }
  return rows.sort().join();
}

function signature(model: Model): string {
  return [...model]
    .map(([id, { metadata }]) => `${id}:${metadata.n}`)
    .sort()
    .join();
}

async function expectRecovered(
  disk: MemoryFileSystem,
  { acknowledged, begun }: { acknowledged: number; begun: number },
): Promise<void> {
  const states = prefixes();
  let seen: string | undefined;
  for (let round = 0; round < 2; round++) {
    const db = await open('/db', { fileSystem: disk, memoryBytes: SMALL_MEMORY });
    const collection: Collection<Stored['metadata']> = await db.collection(
      'things',
      HISTORY_OPTIONS,
    );
    const found = await storedSize(collection);
    const possible = states.slice(acknowledged, begun + 1);
    const state = possible.find((model) => signature(model) === found);
    expect(
      state,
      `${found} is none of the states after ${acknowledged} to ${begun} writes`,
    ).toBeDefined();
    await expectEqual(db, collection, state as Model);
    expect(seen ?? found).toBe(found);
    seen = found;
    await db.close();
  }
}

describe.each([
  ['losing everything that was not synced', 0],
  ['losing some of it', 0.5],
  ['losing nothing', 1],
])('a crash at every call, %s', (_name, keepUnsynced) => {
  test('leaves a prefix of the commits with all that were acknowledged', async () => {
    const dry = new FaultyFileSystem(new MemoryFileSystem());
    await runTrace(dry);
    expect(dry.calls).toBeGreaterThan(60);
    for (let n = 1; n <= dry.calls; n++) {
      const disk = new MemoryFileSystem();
      const faulty = new FaultyFileSystem(disk);
      faulty.stopAt(n);
      const progress = await runTrace(faulty);
      try {
        await expectRecovered(disk.crash(n, keepUnsynced), progress);
      } catch (cause) {
        throw new Error(`crash at call ${n} of ${dry.calls}, ${dry.trace[n - 1]}`, { cause });
      }
    }
  });
});
