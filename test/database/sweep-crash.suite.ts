/**
 * The process dies, or a call fails, at file-system calls of a trace in which half of the vectors are
 * deleted, swept, moved, and their space given back. The records are those after some prefix of the
 * commits with all that were acknowledged, nothing that `check` knows is wrong, and a further
 * compaction makes up for whatever was left undone.
 */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { type Collection, isDatabaseError, open } from '../../src/index.ts';
import { type FaultKind, FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import { HISTORY_OPTIONS, type Model, remove, type Stored, type Write } from './history.ts';

/** Few slots a page, so that few vectors are many pages. */
const DIMENSION = 120;
const OPTIONS = { ...HISTORY_OPTIONS, dimension: DIMENSION };

function upsert(from: number, count: number, seed: number): Write {
  const records = Array.from({ length: count }, (_, i) => {
    const n = seed * 1000 + from + i;
    const random = seededRandom(n);
    const vector = Float32Array.from({ length: DIMENSION }, () => random() * 2 - 1);
    return { id: from + i, vector, metadata: { n } };
  });
  return {
    name: `upsert ${from}..${from + count - 1}`,
    run: (collection) => collection.upsert(records),
    apply: (model) => {
      const next = new Map(model);
      for (const { id, vector, metadata } of records) next.set(id, { vector, metadata });
      return next;
    },
  };
}

const even = (count: number): number[] => Array.from({ length: count }, (_, i) => 2 * i);

const trace: readonly (Write | 'flush' | 'compact')[] = [
  upsert(0, 200, 1),
  'flush',
  remove([...even(100), ...Array.from({ length: 50 }, (_, i) => 51 + 2 * i)]),
  'compact',
  upsert(300, 20, 2),
];

interface Progress {
  /** Writes that were acknowledged, and those that were begun. */
  readonly acknowledged: number;
  readonly begun: number;
}

/** Runs the trace, going on after errors until a write is in doubt. */
async function runTrace(fileSystem: FaultyFileSystem): Promise<Progress> {
  let acknowledged = 0;
  let begun = 0;
  try {
    const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
    try {
      const collection: Collection<Stored['metadata']> = await db.collection('things', OPTIONS);
      for (const step of trace) {
        if (step === 'flush') await ignoringFaults(db.flush());
        else if (step === 'compact') await ignoringFaults(db.compact());
        else {
          begun++;
          await step.run(collection);
          acknowledged++;
        }
      }
    } finally {
      await ignoringFaults(db.close());
    }
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
  }
  return { acknowledged, begun };
}

async function ignoringFaults(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
  }
}

const states: Model[] = [new Map()];
for (const step of trace) {
  if (typeof step === 'object') states.push(step.apply(states[states.length - 1]));
}

async function expectSound(
  disk: MemoryFileSystem,
  { acknowledged, begun }: Progress,
): Promise<void> {
  const db = await open('/db', { fileSystem: disk, memoryBytes: SMALL_MEMORY });
  const collection: Collection<Stored['metadata']> = await db.collection('things', OPTIONS);
  expect((await db.check()).problems).toEqual([]);
  const found = await signatureOf(collection);
  const possible = states.slice(acknowledged, begun + 1).map((model) => signature(model));
  expect(possible).toContain(found);
  await db.compact();
  expect((await db.check()).problems).toEqual([]);
  expect(await signatureOf(collection)).toBe(found);
  const { graph } = await db.stats();
  expect(graph[0].ghosts).toBe(0);
  const vector = new Float32Array(DIMENSION);
  const hits = await collection.search({ vector, k: 1000, ef: 1000 });
  expect(hits.length).toBe(await collection.count());
  await db.close();
}

async function signatureOf(collection: Collection<Stored['metadata']>): Promise<string> {
  const rows: string[] = [];
  for await (const { id, metadata, vector } of collection.scan()) {
    rows.push(`${id}:${metadata?.n}:${vector?.[0]}`);
  }
  return rows.sort().join();
}

function signature(model: Model): string {
  return [...model]
    .map(([id, { metadata, vector }]) => `${id}:${metadata.n}:${vector[0]}`)
    .sort()
    .join();
}

async function callsOf(): Promise<{ calls: number; names: readonly string[] }> {
  const dry = new FaultyFileSystem(new MemoryFileSystem());
  await runTrace(dry);
  expect(dry.trace.some((call) => call.startsWith('truncate') && call.includes('data.pages'))).toBe(
    true,
  );
  return { calls: dry.calls, names: dry.trace };
}

/** Stops, and fails, at every `stride`th call; `stride` 1 is all of them. */
export function sweepCrashSuite(stride: number): void {
  describe.each([
    ['losing everything that was not synced', 0],
    ['losing some of it', 0.5],
    ['losing nothing', 1],
  ])('a crash at every call of a sweep, %s', (_name, keepUnsynced) => {
    test('leaves a prefix of the commits, and what a further compaction cleans up', async () => {
      const { calls, names } = await callsOf();
      for (let n = 1 + Math.floor(2 * keepUnsynced); n <= calls; n += stride) {
        const disk = new MemoryFileSystem();
        const faulty = new FaultyFileSystem(disk);
        faulty.stopAt(n);
        const progress = await runTrace(faulty);
        try {
          await expectSound(disk.crash(n, keepUnsynced), progress);
        } catch (cause) {
          throw new Error(`crash at call ${n} of ${calls}, ${names[n - 1]}`, { cause });
        }
      }
    }, 600_000);
  });

  describe.each<[FaultKind, number]>([
    ['EIO', 0],
    ['ENOSPC', 1],
    ['short', 2],
    ['sync', 3],
  ])('%s at every call of a sweep', (kind, first) => {
    test('is success or a typed error, and loses nothing', async () => {
      const { calls, names } = await callsOf();
      for (let n = 1 + first; n <= calls; n += stride) {
        const disk = new MemoryFileSystem();
        const faulty = new FaultyFileSystem(disk);
        faulty.failCall(n, kind);
        try {
          await expectSound(disk, await runTrace(faulty));
        } catch (cause) {
          throw new Error(`${kind} at call ${n} of ${calls}, ${names[n - 1]}`, { cause });
        }
      }
    }, 600_000);
  });
}
