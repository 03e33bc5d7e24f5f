/**
 * Every history of at most three writes to three keys, through the fold of compaction, with every set of
 * at most two snapshots and every choice of the run of sequences that is compacted: what lies above stays,
 * what lies below stays, and nobody who may look can tell the difference.
 *
 * Each sequence writes nothing, or one of four entries to one of three keys: SET, MERGE that adds two
 * edges, MERGE that removes one of them, DELETE. All fight over edge 0.
 */
import { expect, test } from 'vitest';
import { DELETE, MERGE, SEQUENCE_MAX, SET } from '../../src/lsm/entry.ts';
import { PointFold } from '../../src/lsm/fold.ts';
import { FoldStream } from '../../src/lsm/fold-stream.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import { adjacencyMerge } from '../../src/lsm/merge-operators.ts';
import { MergingCursor } from '../../src/lsm/merging-cursor.ts';
import { VisibleScan } from '../../src/lsm/visible-scan.ts';
import { ArrayCursor, byEntryOrder, type Entry, naiveRead } from './array-cursor.ts';

/** Neighbours differ in one half of the key each. */
const KEYS = [
  { hi: 7, lo: 0 },
  { hi: 7, lo: 1 },
  { hi: 8, lo: 1 },
];
type Key = (typeof KEYS)[number];
const SEQUENCES = 3;
const NO_BYTES = new Uint8Array(0);

const writes: ((key: Key, sequence: number) => Entry)[] = [
  (key, sequence) => entry(key, sequence, SET, encodeList(Uint32Array.of(0, sequence))),
  (key, sequence) =>
    entry(key, sequence, MERGE, encodeEdges(Uint32Array.of(0, 10 + sequence), new Uint32Array(0))),
  (key, sequence) =>
    entry(key, sequence, MERGE, encodeEdges(new Uint32Array(0), Uint32Array.of(0))),
  (key, sequence) => entry(key, sequence, DELETE, NO_BYTES),
];

function entry({ hi, lo }: Key, sequence: number, kind: Entry['kind'], value: Uint8Array): Entry {
  return { hi, lo, sequence, kind, value };
}

/** All histories, each sorted. */
function* histories(): Generator<Entry[]> {
  const choices = 1 + KEYS.length * writes.length;
  for (let code = 0; code < choices ** SEQUENCES; code++) {
    const entries: Entry[] = [];
    let rest = code;
    for (let sequence = 1; sequence <= SEQUENCES; sequence++) {
      const choice = (rest % choices) - 1;
      rest = Math.floor(rest / choices);
      if (choice >= 0) entries.push(writes[choice % 4](KEYS[Math.floor(choice / 4)], sequence));
    }
    yield entries.sort(byEntryOrder);
  }
}

const snapshotSets: number[][] = [[]];
for (let a = 0; a <= SEQUENCES; a++) {
  snapshotSets.push([a]);
  for (let b = a + 1; b <= SEQUENCES; b++) snapshotSets.push([a, b]);
}

function fold(
  inputs: readonly Entry[],
  snapshots: readonly number[],
  mayExistBelow: (hi: number, lo: number) => boolean,
): Entry[] {
  const options = { operator: adjacencyMerge, snapshots, mayExistBelow };
  const stream = new FoldStream(new ArrayCursor(inputs), options);
  const output: Entry[] = [];
  for (stream.start(); stream.valid; stream.next()) {
    const { hi, lo, sequence, kind } = stream;
    output.push({ hi, lo, sequence, kind, value: stream.value().slice() });
  }
  return output;
}

/** The stripe of a sequence: how many snapshots do not see it. */
function stripe(sequence: number, snapshots: readonly number[]): number {
  return snapshots.filter((snapshot) => snapshot < sequence).length;
}

/** One string for what a reader at `sequence` sees of all keys. */
function view(entries: readonly Entry[], sequence: number): string {
  return KEYS.map(({ hi, lo }) => naiveRead(entries, hi, lo, sequence)?.join() ?? '-').join(' ');
}

test('folding any run of any history changes nothing that a reader can see', () => {
  for (const history of histories()) {
    const views = Array.from({ length: SEQUENCES + 1 }, (_, sequence) => view(history, sequence));
    for (let below = 0; below < SEQUENCES; below++) {
      for (let top = below + 1; top <= SEQUENCES; top++) {
        const isInput = (e: Entry): boolean => e.sequence > below && e.sequence <= top;
        const inputs = history.filter(isInput);
        const others = history.filter((e) => !isInput(e));
        if (inputs.length === 0) continue;
        const isBelow = (hi: number, lo: number): boolean =>
          others.some((e) => e.hi === hi && e.lo === lo && e.sequence <= below);
        for (const snapshots of snapshotSets) {
          for (const mayExistBelow of [isBelow, () => true]) {
            const after = [...others, ...fold(inputs, snapshots, mayExistBelow)];
            // Readers are at a snapshot or at the newest sequence; others are not promised anything.
            for (const sequence of [...snapshots, SEQUENCES]) {
              if (view(after, sequence) === views[sequence]) continue;
              expect({ history, below, top, snapshots, after, sequence }).toBe('unchanged');
            }
          }
        }
      }
    }
  }
});

test('a fold keeps one entry a key and stripe, in order, and no needless tombstone', () => {
  for (const history of histories()) {
    for (const snapshots of snapshotSets) {
      const output = fold(history, snapshots, () => false);
      expect([...output].sort(byEntryOrder)).toEqual(output);
      const places = output.map((e) => `${e.hi} ${e.lo} ${stripe(e.sequence, snapshots)}`);
      expect(new Set(places).size).toBe(places.length);
      const oldest = output.filter((e) => stripe(e.sequence, snapshots) === 0);
      expect(oldest.every((e) => e.kind === SET)).toBe(true);
    }
  }
});

test('point reads and scans see what replaying the history gives', () => {
  const pointFold = new PointFold(adjacencyMerge);
  for (const history of histories()) {
    for (let sequence = 0; sequence <= SEQUENCES + 1; sequence++) {
      const expected = KEYS.map(({ hi, lo }) => naiveRead(history, hi, lo, sequence));
      const got = KEYS.map(({ hi, lo }) => {
        pointFold.reset();
        for (const e of history) {
          if (e.hi !== hi || e.lo !== lo || e.sequence > sequence) continue;
          if (pointFold.add(e.kind, e.value, 0, e.value.length)) break;
        }
        return pointFold.result();
      });
      expect(got).toEqual(expected);

      const sources = [0, 1].map((odd) => history.filter((e) => e.sequence % 2 === odd));
      const merged = new MergingCursor(sources.map((entries) => new ArrayCursor(entries)));
      const range = { fromHi: 7, fromLo: 0, toHi: 8, toLo: 2 };
      const scan = new VisibleScan(merged, { ...range, operator: adjacencyMerge, sequence });
      const seen: (Uint8Array | undefined)[] = KEYS.map(() => undefined);
      while (scan.next()) {
        const index = KEYS.findIndex(({ hi, lo }) => hi === scan.hi && lo === scan.lo);
        seen[index] = scan.value.slice();
      }
      expect(seen).toEqual(expected);
    }
  }
});

test('a scan stays in its range, closes its source at the end and stays ended', () => {
  const entries = [1, 2, 3, 4].map((lo) => entry({ hi: 7, lo }, 1, SET, Uint8Array.of(lo)));
  const source = new ArrayCursor(entries);
  const range = { fromHi: 7, fromLo: 2, toHi: 7, toLo: 3 };
  const options = { ...range, operator: undefined, sequence: SEQUENCE_MAX };
  const scan = new VisibleScan(source, options);
  const seen: number[] = [];
  while (scan.next()) seen.push(scan.lo);
  expect(seen).toEqual([2, 3]);
  expect(source.isClosed).toBe(true);
  expect(scan.next()).toBe(false);
});
