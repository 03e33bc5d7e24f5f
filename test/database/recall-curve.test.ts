import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecallCalibration } from '../../src/database/recall-calibration.ts';
import {
  beamForRecall,
  decodeCurves,
  encodeCurves,
  type RecallCurve,
} from '../../src/database/recall-curve.ts';
import type { VectorStore } from '../../src/database/vector-store.ts';

const points = fc
  .uniqueArray(
    fc.tuple(
      fc.integer({ min: 1, max: 5000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0, 0.1, 0.2),
    ),
    {
      minLength: 1,
      maxLength: 12,
      selector: ([ef]) => ef,
    },
  )
  .map((list) => list.sort(([a], [b]) => a - b));
const curve: fc.Arbitrary<RecallCurve> = fc.record({
  k: fc.integer({ min: 1, max: 1000 }),
  points,
});
const recall = fc.double({ min: 0.01, max: 0.999, noNaN: true });

test('a higher recall never takes a narrower beam, and no beam is wider than what was measured', () => {
  fc.assert(
    fc.property(curve, recall, recall, (given, one, other) => {
      const ask = (r: number): number => beamForRecall(given, r).ef;
      const [low, high] = [one, other].sort((a, b) => a - b).map(ask);
      expect(low).toBeLessThanOrEqual(high);
      expect(low).toBeGreaterThanOrEqual(given.points[0][0]);
      expect(high).toBeLessThanOrEqual(given.points[given.points.length - 1][0]);
    }),
    { numRuns: 500 },
  );
});

test('between two widths the beam lies between them, beyond the last it is the last', () => {
  const measured: RecallCurve = {
    k: 10,
    points: [
      [10, 0.5, 0],
      [40, 0.9, 0.1],
      [160, 0.98, 0.2],
    ],
  };
  expect(beamForRecall(measured, 0.3)).toEqual({ ef: 10, stop: 0 });
  const { ef, stop } = beamForRecall(measured, 0.92);
  expect(ef).toBeGreaterThan(40);
  expect(ef).toBeLessThan(160);
  // The later stop of both; where one of them had none, there is none.
  expect(stop).toBe(0.2);
  expect(beamForRecall(measured, 0.7).stop).toBe(0);
  expect(beamForRecall(measured, 0.999)).toEqual({ ef: 160, stop: 0.2 });
});

test('curves survive a round trip, and any other bytes are none', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.boolean(),
      fc.array(curve, { maxLength: 4 }),
      (vectors, onBits, curves) => {
        const all = { vectors, onBits, curves };
        expect(decodeCurves(encodeCurves(all))).toEqual(all);
      },
    ),
  );
  const texts = ['', '{', '{}', 'null', '{"format":2,"vectors":3,"curves":[{"k":1,"points":[]}]}'];
  for (const text of texts) expect(decodeCurves(Buffer.from(text))).toBeUndefined();
  expect(decodeCurves(Buffer.from('{"format":1,"vectors":1,"curves":[]}'))).toBeUndefined();
});

test('curves serve as long as searches walk on the codes that they were measured with', () => {
  const curve = { k: 10, points: [[16, 1, 0.07]] } as const;
  const stored = encodeCurves({ vectors: 100, onBits: false, curves: [curve] });
  const vectors = { hasBits: false, counters: { live: 100 } };
  const calibration = (): RecallCalibration => {
    const space = { vectors } as unknown as VectorStore;
    return new RecallCalibration(space, () => stored);
  };
  expect(calibration().knownBeamFor(10, 0.9)).toEqual({ ef: 16, stop: 0.07 });
  const first = calibration();
  vectors.hasBits = true;
  expect(first.knownBeamFor(10, 0.9)).toBeUndefined();
  expect(calibration().knownBeamFor(10, 0.9)).toBeUndefined();
});
