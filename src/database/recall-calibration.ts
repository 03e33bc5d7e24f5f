/**
 * Turns a recall that a search asks for into how widely it looks, by curves measured on the space itself
 * (`measure-curve.ts`), one for each k, rounded up to a few. The first search that asks waits for its curve;
 * when the number of vectors has changed by a third, the curves are measured again in the background while the
 * old ones serve.
 */
import { isDatabaseError } from '../errors.ts';
import { type MeasuredSpace, measureCurve } from './measure-curve.ts';
import {
  type Beam,
  beamForRecall,
  decodeCurves,
  encodeCurves,
  type RecallCurves,
} from './recall-curve.ts';

/** How much more, or fewer, vectors make curves old. */
const CHANGE = 4 / 3;
/** Wide enough where there is nothing to measure. */
const EF_UNMEASURED = 64;

/** Reads while it is written to: nodes are held, and a plan that is undone meanwhile shows in `rollbacks`. */
interface CalibratedSpace extends MeasuredSpace {
  readonly rollbacks: number;
  holdNodes(): () => void;
}

export class RecallCalibration {
  readonly #space: CalibratedSpace;
  readonly #load: () => Uint8Array | undefined;
  #curves: RecallCurves | undefined;
  #isLoaded = false;
  readonly #running = new Map<number, Promise<void>>();
  readonly #stopped = new AbortController();
  #isSaved = true;

  /** `load` gives what `takeUnsaved` gave when the database was open before; called by the first search that asks. */
  constructor(space: CalibratedSpace, load: () => Uint8Array | undefined) {
    this.#space = space;
    this.#load = load;
  }

  /** The beam for the k nearest at `recall`. Waits for the measurement when there is none for such k. */
  async beamFor(k: number, recall: number): Promise<Beam> {
    const known = this.knownBeamFor(k, recall);
    if (known !== undefined) return known;
    await this.#measure(roundUp(k));
    return this.knownBeamFor(k, recall) ?? { ef: Math.max(k, EF_UNMEASURED), stop: 0 };
  }

  /** The same at once; undefined when it is not measured yet. */
  knownBeamFor(k: number, recall: number): Beam | undefined {
    if (!this.#isLoaded) {
      const stored = this.#load();
      this.#curves = stored && decodeCurves(stored);
      this.#isLoaded = true;
    }
    // Measured with other codes, of another memory perhaps: their stops mean nothing here.
    if (this.#curves?.onBits !== this.#space.vectors.hasBits) this.#curves = undefined;
    const rounded = roundUp(k);
    const curve = this.#curves?.curves.find(({ k }) => k === rounded);
    if (curve === undefined) return undefined;
    if (this.#isOld) void this.#measure(rounded);
    const { ef, stop } = beamForRecall(curve, recall);
    return { ef: Math.max(k, ef), stop };
  }

  /** Curves that are not in the tree yet, as bytes; they count as saved from now on. */
  takeUnsaved(): Uint8Array | undefined {
    if (this.#isSaved || this.#curves === undefined) return undefined;
    this.#isSaved = true;
    return encodeCurves(this.#curves);
  }

  /** Resolves when nothing is measured any more; nothing will be. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running.values());
  }

  get #isOld(): boolean {
    const { live } = this.#space.vectors.counters;
    const { vectors = 0 } = this.#curves ?? {};
    return live > vectors * CHANGE || live * CHANGE < vectors;
  }

  /** One measurement of a k at a time. Never rejects: without a curve a search takes its default. */
  #measure(k: number): Promise<void> {
    const running = this.#running.get(k) ?? this.#run(k).finally(() => this.#running.delete(k));
    this.#running.set(k, running);
    return running;
  }

  async #run(k: number): Promise<void> {
    const { hasBits: onBits } = this.#space.vectors;
    const { live } = this.#space.vectors.counters;
    const { options, rollbacks } = this.#space;
    const { signal } = this.#stopped;
    const release = this.#space.holdNodes();
    try {
      const curve = await measureCurve(this.#space, { k, seed: options.seed + live, signal });
      if (curve === undefined || onBits !== this.#space.vectors.hasBits) return;
      // Curves of another size of the space are measured anew when they are asked for.
      const isOld = this.#isOld;
      const others = isOld ? [] : (this.#curves?.curves.filter((other) => other.k !== k) ?? []);
      const vectors = isOld ? live : (this.#curves?.vectors ?? live);
      this.#curves = { vectors, onBits, curves: [...others, curve].sort((a, b) => a.k - b.k) };
      this.#isSaved = false;
    } catch (error) {
      // Damage is told by the search itself; a plan that was undone below is no matter.
      if (!isDatabaseError(error) && rollbacks === this.#space.rollbacks) throw error;
    } finally {
      release();
    }
  }
}

/** 1, 2, 5, 10, 20, 50, … */
function roundUp(k: number): number {
  for (let ten = 1; ; ten *= 10) {
    for (const digit of [1, 2, 5]) if (digit * ten >= k) return digit * ten;
  }
}
