/** A job by itself: its numbers, its ranges, and slices that end at every chance. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { SET } from '../../src/lsm/entry.ts';
import { JobRun } from '../../src/lsm/job-run.ts';
import { isInRanges, keyRangesOf } from '../../src/lsm/key-ranges.ts';
import { NO_BUGS } from '../../src/lsm/seeded-bugs.ts';
import type { JobResult, TableJob } from '../../src/lsm/table-job.ts';
import { TableWriter } from '../../src/lsm/table-writer.ts';
import { packEntries } from '../../src/lsm/tree-entry-cursor.ts';
import type { TableMeta } from '../../src/lsm/version-format.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const hasher = await loadHasher();

function job(numberCount: number, entries: number): TableJob {
  const added = Array.from({ length: entries }, (_, i) => ({
    tree: 1,
    hi: 0,
    lo: entries - i,
    value: new Uint8Array(100).fill(i),
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
  const part = { output, runs: [], memtables: [], added: packEntries(added, 5), older: [] };
  return {
    kind: 'flush',
    directory: 'data',
    firstNumber: 10,
    numberCount,
    snapshots: [],
    seededBugs: NO_BUGS,
    parts: [part, { ...part, output: { ...output, tree: 2 } }],
  };
}

async function run(work: TableJob, isOver: () => boolean): Promise<JobResult & { slices: number }> {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory('data');
  const running = new JobRun(work, {
    fileSystem,
    hasher,
    table: () => expect.unreachable('the job reads no table'),
    onBegin: () => {},
  });
  let slices = 1;
  while (!running.step(isOver)) slices++;
  return { ...(await running.finished()), slices };
}

test('a job that ends its slice at every chance makes the same tables', async () => {
  const { slices, ...whole } = await run(job(100, 60), () => false);
  const { slices: many, ...cut } = await run(job(100, 60), () => true);
  expect(slices).toBe(1);
  expect(many).toBeGreaterThan(100);
  expect(cut).toEqual(whole);
  expect(whole.tables.length).toBeGreaterThan(8);
  expect(whole.tables.map(({ number }) => number)).toEqual(
    whole.tables.map((_, index) => 10 + index),
  );
});

test('when numbers run out, the last table of each part takes the rest', async () => {
  const { tables, begunCount, entriesWritten } = await run(job(3, 60), () => false);
  expect(begunCount).toBe(3);
  expect(entriesWritten).toBe(120);
  expect(tables.map(({ tree, number }) => [tree, number])).toEqual([
    [1, 10],
    [1, 11],
    [2, 12],
  ]);
});

test('a filter that is built in slices is the one that is built at once', () => {
  const written: Uint8Array[] = [];
  for (const isSliced of [false, true]) {
    const fileSystem = new MemoryFileSystem();
    fileSystem.makeDirectory('data');
    const file = fileSystem.open('data/table', 'create');
    const writer = new TableWriter(file, { number: 1, hasher, tree: 1, level: 0, epoch: 1 });
    for (let key = 0; key < 3000; key++) writer.add(0, key, 1, SET, new Uint8Array(1));
    let slices = 0;
    while (isSliced && !writer.buildFilter(() => true)) slices++;
    expect(slices > 5).toBe(isSliced);
    writer.finish();
    const bytes = new Uint8Array(file.size());
    file.readInto(bytes, 0);
    written.push(bytes);
  }
  expect(written[1]).toEqual(written[0]);
});

test('ranges say of each key whether a table may have it', () => {
  const starts = fc.uniqueArray(fc.nat(200), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(starts, { maxLength: 4 }), fc.nat(1), (runs, hi) => {
      // Tables of two keys each, at even places: they never overlap.
      const metas = runs.map((run) =>
        run
          .sort((a, b) => a - b)
          .map((start) => ({
            meta: {
              smallestHi: hi,
              smallestLo: 2 * start,
              largestHi: hi,
              largestLo: 2 * start + (start % 2),
            } as TableMeta,
          })),
      );
      const ranges = structuredClone(keyRangesOf(metas.map((tables) => ({ tables }))));
      for (let lo = 0; lo < 410; lo++) {
        const expected = metas
          .flat()
          .some((m) => m.meta.smallestLo <= lo && lo <= m.meta.largestLo);
        expect(isInRanges(ranges, hi, lo)).toBe(expected);
        expect(isInRanges(ranges, hi + 1, lo)).toBe(false);
      }
    }),
    { numRuns: 50 },
  );
});
