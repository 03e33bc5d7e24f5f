/**
 * The free-unit map against sets of units: versions are installed, fail or are lost in a crash, and no
 * unit that a version on disk, or one held for a reader, names is ever given out.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CorruptionError } from '../../src/errors.ts';
import {
  CHUNK_UNITS,
  FreeUnits,
  type Retention,
  type UnitRun,
} from '../../src/paged/free-units.ts';
import { FREE_UNITS_SUMMARY, type PageMap, type TreeEntry } from '../../src/paged/page-map.ts';

/** Free-unit entries of the newest version. */
class UnitMap implements PageMap {
  readonly entries = new Map<number, Uint8Array>();
  get(): undefined {
    return undefined;
  }
  getBits(): undefined {
    return undefined;
  }

  getFreeUnits(chunk: number): Uint8Array | undefined {
    return this.entries.get(chunk);
  }
  install(entries: readonly TreeEntry[]): void {
    for (const { lo, value } of entries) this.entries.set(lo, value as Uint8Array);
  }
}

function unitsOf(runs: Iterable<UnitRun>): number[] {
  return [...runs].flatMap(({ unit, count }) => Array.from({ length: count }, (_, i) => unit + i));
}

/** The units that the entries say are taken. */
function storedUnits(map: UnitMap): number[] {
  const units: number[] = [];
  for (const [chunk, bytes] of map.entries) {
    if (chunk === FREE_UNITS_SUMMARY) continue;
    for (let i = 0; i < bytes.length * 8; i++) {
      if ((bytes[i >>> 3] >>> (i & 7)) & 1) units.push(chunk * CHUNK_UNITS + i);
    }
  }
  return units.sort((a, b) => a - b);
}

const slices = fc.array(fc.record({ slice: fc.nat(8), count: fc.integer({ min: 1, max: 40 }) }), {
  minLength: 1,
  maxLength: 6,
});
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('install', 'fail', 'crash'), slices }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('retain', 'release'), slices: fc.constant([]) }),
  },
);

test('no unit that is needed is given again, and none that is not needed stays taken', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
      const map = new UnitMap();
      let units = new FreeUnits(map, 'data.pages');
      /** Run of each slice in the installed version. */
      let live = new Map<number, UnitRun>();
      let retained: { retention: Retention; units: Set<number> }[] = [];
      for (const op of operations) {
        if (op.do === 'retain') {
          retained.push({ retention: units.retain(), units: new Set(unitsOf(live.values())) });
        } else if (op.do === 'release') {
          retained.shift()?.retention.release();
        } else {
          const next = new Map(live);
          const fresh: UnitRun[] = [];
          const needed = new Set([
            ...unitsOf(live.values()),
            ...retained.flatMap((r) => [...r.units]),
          ]);
          for (const { slice, count } of op.slices) {
            if (fresh.includes(next.get(slice) as UnitRun)) continue;
            const run = { unit: units.allocate(count), count };
            for (const unit of unitsOf([run])) {
              expect(needed.has(unit)).toBe(false);
              needed.add(unit);
            }
            fresh.push(run);
            next.set(slice, run);
          }
          if (op.do === 'crash') {
            units = new FreeUnits(map, 'data.pages');
            retained = [];
          } else {
            for (const [slice, run] of live) if (next.get(slice) !== run) units.retire(run);
            const entries = units.entries(7);
            if (op.do === 'fail') {
              units.failed();
              for (const run of fresh) units.release(run);
            } else {
              map.install(entries);
              units.installed();
              live = next;
            }
          }
        }
        const liveUnits = unitsOf(live.values()).sort((a, b) => a - b);
        expect(storedUnits(map)).toEqual(liveUnits);
        const all = new Set([...liveUnits, ...retained.flatMap((r) => [...r.units])]);
        // Held beyond need: what came and went while an older version was retained.
        const held = units.stats().takenUnits - all.size;
        expect(retained.length === 0 ? held : Math.min(held, 0)).toBe(0);
        for (const unit of all) expect(units.isTaken(unit)).toBe(true);
      }
    }),
  );
});

test('a full chunk is followed by the next one, and no run lies in two', () => {
  const map = new UnitMap();
  const units = new FreeUnits(map, 'data.pages');
  for (let i = 0; i < CHUNK_UNITS / 1024; i++) units.allocate(i === 0 ? 1000 : 1024);
  expect(units.allocate(30)).toBe(CHUNK_UNITS);
  expect(units.allocate(24)).toBe(CHUNK_UNITS - 24);
  map.install(units.entries(7));
  units.installed();
  expect(new FreeUnits(map, 'data.pages').allocate(1)).toBe(CHUNK_UNITS + 30);
});

test('damaged entries are corruption', () => {
  const map = new UnitMap();
  const units = new FreeUnits(map, 'data.pages');
  units.allocate(3);
  map.install(units.entries(7));
  const damaged = (chunk: number, bytes: number[]) => {
    const copy = new UnitMap();
    for (const [key, value] of map.entries) copy.entries.set(key, value);
    copy.entries.set(chunk, Uint8Array.from(bytes));
    return () => new FreeUnits(copy, 'data.pages').allocate(1);
  };
  expect(damaged(0, [15])).toThrow(CorruptionError);
  expect(damaged(0, new Array(5000).fill(0))).toThrow(CorruptionError);
  expect(damaged(FREE_UNITS_SUMMARY, [1, 2])).toThrow(CorruptionError);
});
