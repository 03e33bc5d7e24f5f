/** Workloads of the churn bench: what they do to the living, their traces on disk, and their exact answers. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makeWorkload } from '../../bench/churn/make-workload.ts';
import { parseRunbook, runbookWorkload } from '../../bench/churn/runbook.ts';
import { readTrace, writeTrace } from '../../bench/churn/trace-folder.ts';
import { Truth } from '../../bench/churn/truth.ts';
import { livingAtEnd, livingBase, type Workload } from '../../bench/churn/workload.ts';
import { loadDataset } from '../../bench/harness/dataset.ts';
import { takeOwnOptions } from '../../bench/harness/options.ts';
import { tempDir } from '../temp-dir.ts';

const source = loadDataset({
  data: undefined,
  dataset: undefined,
  limit: 1_500,
  full: false,
  seed: 3,
});
const size = { epochs: 5, interval: 2, seed: 3, baseRows: 1_000 };

function mapAtEnd(workload: Workload): Map<number, number> {
  const { ids, rows } = livingAtEnd(workload);
  return new Map([...ids].map((id, i) => [id, rows[i]]));
}

test('churn inserts nine times what it deletes, and only the living are deleted', () => {
  const workload = makeWorkload('churn', source, size);
  expect(workload.epochs.map(({ ids, deleted }) => [ids.length, deleted.length])).toEqual(
    Array.from({ length: 5 }, () => [9, 1]),
  );
  expect(mapAtEnd(workload).size).toBe(1_000 + 5 * 8);
  expect(workload.epochs.map(({ isMeasured }) => isMeasured)).toEqual([
    true,
    false,
    true,
    false,
    true,
  ]);
});

test('a sliding window keeps the newest, as many as there were', () => {
  const living = mapAtEnd(makeWorkload('window', source, size));
  expect([...living.keys()].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 1_000 }, (_, i) => 100 + i),
  );
});

test('a workload that needs more rows than there are says so', () => {
  expect(() => makeWorkload('half', source, { ...size, epochs: 100 })).toThrow(/1500 rows/);
  expect(() => makeWorkload('halves', source, size)).toThrow(/halves/);
});

test('a trace comes back from its folder as it was, with the truth that it names', async () => {
  await using dir = await tempDir();
  const workload = makeWorkload('half', source, size);
  writeTrace(dir.path, workload, size);
  expect(readdirSync(`${dir.path}/gt`)).toEqual([
    'epoch_000.gt100',
    'epoch_002.gt100',
    'epoch_004.gt100',
  ]);
  const read = readTrace(dir.path);
  expect(read.base).toEqual(workload.base);
  expect(read.epochs).toEqual(workload.epochs);
  expect(read.queries.values).toEqual(Float32Array.from(workload.queries.values));
  expect(mapAtEnd(read)).toEqual(mapAtEnd(workload));
});

test('the truth of the living is what a look at all of them finds', () => {
  const workload = makeWorkload('window', source, size);
  const truth = new Truth(workload);
  const living = mapAtEnd(workload);
  const nearest = truth.of(living, 10);
  for (let query = 0; query < 5; query++) {
    const all = [...living].map(([id, row]) => ({ id, distance: truth.distance(row, query) }));
    all.sort((a, b) => a.distance - b.distance);
    const expected = all.slice(0, 10).map(({ id }) => id);
    expect([...nearest.ids.subarray(query * 10, query * 10 + 10)]).toEqual(expected);
  }
  expect(truth.recall(nearest, living, nearest.ids)).toBe(1);
  expect(
    truth.recall(
      nearest,
      living,
      nearest.ids.map(() => 0xffffffff),
    ),
  ).toBe(0);
});

test('a truth whose kept rows have nearly all died looks at the rest', () => {
  const workload = makeWorkload('churn', source, size);
  const truth = new Truth(workload);
  const nearest = truth.of(livingBase(workload), 10);
  const few = new Map([...livingBase(workload)].slice(0, 12));
  const left = truth.of(few, 10);
  expect(left.ids.length).toBe(nearest.ids.length);
  expect([...left.ids].every((id) => few.has(id))).toBe(true);
});

const runbook = `
first:
  max_pts: 100
  1: { operation: insert, start: 0, end: 75 }
  2: { operation: search }
  3: { operation: replace, tags_start: 0, tags_end: 25, ids_start: 75, ids_end: 100 }
  4: { operation: delete, start: 50, end: 60 }
  5: { operation: search }
  gt_url: somewhere
`;

test('a run-book is scaled to the rows that there are; a replaced id keeps its name', () => {
  const workload = runbookWorkload(parseRunbook(runbook), { ...source }, 1);
  expect(workload.base.ids.length).toBe(75);
  expect(workload.epochs).toHaveLength(1);
  const living = mapAtEnd(workload);
  expect(living.size).toBe(65);
  expect(living.get(0)).toBe(75);
  const small = { ...source.base, rows: 40 };
  expect(
    runbookWorkload(parseRunbook(runbook), { ...source, base: small }, 1).base.ids.length,
  ).toBe(30);
});

test('a run-book without the section, or with a step that is none, says so', () => {
  expect(() => parseRunbook(runbook, 'second')).toThrow(/first/);
  expect(() => parseRunbook('a: { 1: { operation: swim } }')).toThrow(/step 1/);
});

test('a bench may take options of its own', () => {
  const taken = takeOwnOptions(['--full', '--workload', 'half', '--seed', '2'], ['workload']);
  expect(taken).toEqual({ own: { workload: 'half' }, rest: ['--full', '--seed', '2'] });
  expect(() => takeOwnOptions(['--workload'], ['workload'])).toThrow(/--workload/);
});
