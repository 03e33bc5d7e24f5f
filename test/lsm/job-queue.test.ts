/** The worker thread's side of jobs, by itself: who goes first, who sleeps, who is given up, and what fails. */
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { ByteBudget } from '../../src/lsm/byte-budget.ts';
import { BEGUN, CANCELLED, CONTROL_WORDS, HURRIED } from '../../src/lsm/job-messages.ts';
import { type JobEnd, JobQueue } from '../../src/lsm/job-queue.ts';
import { NO_BUGS } from '../../src/lsm/seeded-bugs.ts';
import { nextTurn } from '../../src/lsm/slices.ts';
import type { TableJob } from '../../src/lsm/table-job.ts';
import { packEntries } from '../../src/lsm/tree-entry-cursor.ts';
import type { TableMeta } from '../../src/lsm/version-format.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { InterceptingFileSystem } from '../../src/storage/intercepting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const hasher = await loadHasher();

interface JobChanges {
  readonly entries?: number;
  readonly runs?: readonly (readonly TableMeta[])[];
}

/** Makes tables of some ten keys each, numbered from `firstNumber`. */
function job(kind: TableJob['kind'], firstNumber: number, changes: JobChanges = {}): TableJob {
  const { entries = 20, runs = [] } = changes;
  const added = Array.from({ length: entries }, (_, lo) => ({
    tree: 1,
    hi: 0,
    lo,
    value: lo % 5 === 0 ? undefined : new Uint8Array(100).fill(lo),
  }));
  const output = {
    tree: 1,
    level: 0,
    tableBytes: 1000,
    blockBytes: 256,
    codec: undefined,
    filterBitsPerKey: 10,
    mergeOperator: undefined,
    layout: undefined,
  };
  const part = { output, runs, memtables: [], added: packEntries(added, 5), older: [] };
  return {
    kind,
    directory: 'data',
    firstNumber,
    numberCount: 100,
    snapshots: [],
    seededBugs: NO_BUGS,
    parts: [part],
  };
}

function newDisk(): MemoryFileSystem {
  const disk = new MemoryFileSystem();
  disk.makeDirectory('data');
  return disk;
}

class Fixture {
  readonly ends: [id: number, end: JobEnd][] = [];
  readonly queue: JobQueue;
  #added = 0;

  constructor(fileSystem: FileSystem, budget: ByteBudget = new ByteBudget(Infinity)) {
    const onEnd = (id: number, end: JobEnd): number => this.ends.push([id, end]);
    this.queue = new JobQueue({ fileSystem, hasher, budget, onEnd });
  }

  /** Returns the words that engine and thread share. */
  add(one: TableJob): Int32Array {
    const control = new SharedArrayBuffer(4 * CONTROL_WORDS);
    this.queue.add({ id: ++this.#added, job: one, control });
    return new Int32Array(control);
  }

  async ended(count: number): Promise<void> {
    while (this.ends.length < count) await nextTurn();
  }
}

/** A disk whose writes take longer than a slice: no job of many tables ends in its first one. */
function slowDisk(inner: FileSystem): FileSystem {
  return new InterceptingFileSystem(inner, {
    call: ({ operation }, run) => {
      const end = performance.now() + (operation === 'write' ? 12 : 0);
      while (performance.now() < end);
      return run();
    },
    sync: (_call, run) => run(),
  });
}

test('a flush goes before the compactions that wait, each ends once', async () => {
  const disk = newDisk();
  const fixture = new Fixture(disk);
  for (const [kind, number] of [
    ['compaction', 100],
    ['compaction', 200],
    ['flush', 300],
  ] as const) {
    fixture.add(job(kind, number));
  }
  await fixture.ended(3);
  // The first has begun, and ends before the flush or, where its slice is over sooner, behind it.
  const order = fixture.ends.map(([id]) => id);
  expect([...order].sort()).toEqual([1, 2, 3]);
  expect(order[2]).toBe(2);
  const tables = fixture.ends.flatMap(([, end]) => ('result' in end ? end.result.tables : []));
  const first = tables.filter(({ number }) => number < 200);
  expect(first.map(({ number }) => number)).toEqual([100, 101]);
  expect(tables.slice(4).map(({ number }) => number)).toEqual([200, 201]);
  // There is nothing below that a tombstone would hide.
  expect(first.map(({ entries, deletes }) => [entries, deletes])).toEqual([
    [8, 0],
    [8, 0],
  ]);
  expect(disk.list('data')).toHaveLength(6);
  fixture.add(job('compaction', 400)); // After a rest.
  await fixture.ended(4);
});

test('a compaction in debt sleeps and a flush does not; hurried, it goes on', async () => {
  // At one byte a second the first slice is paid after minutes.
  const fixture = new Fixture(slowDisk(newDisk()), new ByteBudget(1));
  const words = fixture.add(job('compaction', 100, { entries: 100 }));
  while (Atomics.load(words, BEGUN) === 0) await nextTurn();
  fixture.add(job('flush', 300));
  await fixture.ended(1);
  expect(fixture.ends[0][0]).toBe(2);
  Atomics.store(words, HURRIED, 1);
  await fixture.ended(2);
  expect(fixture.ends[1]).toMatchObject([1, { result: { entriesWritten: 80 } }]);
});

test('a job that is given up while it sleeps ends at once, and says how many files it began', async () => {
  const disk = newDisk();
  const fixture = new Fixture(slowDisk(disk), new ByteBudget(1));
  const words = fixture.add(job('compaction', 100, { entries: 100 }));
  while (Atomics.load(words, BEGUN) === 0) await nextTurn();
  Atomics.store(words, CANCELLED, 1);
  await fixture.ended(1);
  expect(fixture.ends[0]).toMatchObject([1, { error: { code: 'ABORTED' } }]);
  expect(disk.list('data')).toHaveLength(Atomics.load(words, BEGUN));
});

test('whatever call fails, the job ends once with that failure, and the next one runs', async () => {
  const disk = newDisk();
  const first = new Fixture(disk);
  first.add(job('flush', 1));
  await first.ended(1);
  const [, end] = first.ends[0];
  const input = 'result' in end ? end.result.tables : [];
  const scenario = async (fixture: Fixture): Promise<void> => {
    fixture.add(job('compaction', 100, { runs: [input] }));
    await fixture.ended(1);
    fixture.add(job('compaction', 200, { runs: [input] }));
    await fixture.ended(2);
  };
  const whole = new FaultyFileSystem(disk.crash(1, 1));
  await scenario(new Fixture(whole));
  const failed = new Set<string>();
  for (let call = 1; call <= whole.calls; call++) {
    const faulty = new FaultyFileSystem(disk.crash(1, 1));
    faulty.failCall(call, 'EIO');
    const fixture = new Fixture(faulty);
    await scenario(fixture);
    const errors = fixture.ends.flatMap(([, each]) => ('error' in each ? [each.error] : []));
    for (const error of errors) expect(error).toMatchObject({ code: 'IO' });
    expect(fixture.ends.map(([id]) => id)).toEqual([1, 2]);
    expect(errors.length).toBeLessThanOrEqual(1);
    if (errors.length > 0) failed.add(whole.trace[call - 1].split(' ')[0]);
  }
  // Closing a file that was only read may fail.
  expect([...failed]).toEqual(expect.arrayContaining(['open', 'read', 'size', 'write', 'sync']));
});
