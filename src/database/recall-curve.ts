/**
 * Recall against the width of the beam, as it was measured: what `recall` in a search is turned into a beam by.
 * In the tree `system` the curves of a space are JSON: `{ format, vectors, onBits, curves: [{ k, points }] }`.
 */

/** How widely a search looks. */
export interface Beam {
  readonly ef: number;
  /** The walk ends at a candidate more than (1 + stop) times as far as the k-th result; 0: it does not. */
  readonly stop: number;
}

/** Points by ascending ef; `stop` is the earliest one that hardly lost anything there. */
export interface RecallCurve {
  readonly k: number;
  readonly points: readonly (readonly [ef: number, recall: number, stop: number])[];
}

/** The curves of a space, of as many as `vectors` living vectors. */
export interface RecallCurves {
  readonly vectors: number;
  /** Whether searches walked on 1-bit codes: stops are of those that they walked on. */
  readonly onBits: boolean;
  readonly curves: readonly RecallCurve[];
}

const FORMAT = 3;
/** A measured share of hits scatters: so much of what is missing at the target is aimed for beside it. */
const MARGIN = 0.15;

/** The beam with which a search reaches `recall`; the widest that was measured when none did. */
export function beamForRecall({ points }: RecallCurve, recall: number): Beam {
  const target = recall + MARGIN * (1 - recall);
  let [lowEf, lowRecall, lowStop] = [0, 0, 0];
  for (const [ef, reached, stop] of points) {
    if (reached >= target) {
      if (lowEf === 0) return { ef, stop };
      // Each doubling of the beam finds about the same share of what is missing.
      const missing = (share: number): number => Math.log(Math.max(1e-4, 1 - share));
      const span = missing(reached) - missing(lowRecall);
      const part = span === 0 ? 1 : (missing(target) - missing(lowRecall)) / span;
      // The later stop of both: none comes after all.
      const later = lowStop === 0 || stop === 0 ? 0 : Math.max(lowStop, stop);
      return { ef: Math.ceil(lowEf * (ef / lowEf) ** Math.min(1, Math.max(0, part))), stop: later };
    }
    // What is measured may fall by chance: a wider beam never finds less.
    [lowEf, lowRecall, lowStop] = [ef, Math.max(lowRecall, reached), stop];
  }
  return { ef: lowEf, stop: lowStop };
}

export function encodeCurves({ vectors, onBits, curves }: RecallCurves): Uint8Array {
  return Buffer.from(JSON.stringify({ format: FORMAT, vectors, onBits, curves }));
}

/** Undefined when they are of another format, or damaged: they can be measured again. */
export function decodeCurves(bytes: Uint8Array): RecallCurves | undefined {
  try {
    const { format, vectors, onBits, curves } = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const isCounted = Number.isInteger(vectors) && typeof onBits === 'boolean';
    const isSound = format === FORMAT && isCounted && Array.isArray(curves);
    return isSound && curves.every(isCurve) ? { vectors, onBits, curves } : undefined;
  } catch {
    return undefined;
  }
}

function isCurve(value: unknown): boolean {
  const { k, points } = value as RecallCurve;
  const isPoint = (point: unknown): boolean =>
    Array.isArray(point) &&
    point.length === 3 &&
    point.every(Number.isFinite) &&
    point[0] >= 1 &&
    point[2] >= 0;
  return Number.isInteger(k) && Array.isArray(points) && points.length > 0 && points.every(isPoint);
}
