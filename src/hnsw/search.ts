/**
 * The approximate search: a walk on codes with a beam of `ef`, on 1-bit codes where there are some, then
 * the best of its results measured again by originals (`kernels/assembly/refine.ts`).
 */

import { CODES_BITS, CODES_SLOTS } from '../kernels/layout.ts';
import { type Candidates, readResults } from './candidates.ts';
import type { Entry } from './entry.ts';
import { Slices } from './slices.ts';
import { type BeamWidth, spareOnBits } from './spare.ts';
import { type FilterBits, WalkDriver } from './walk-driver.ts';
import { runWalk, type SearchContext, type WalkRunner, withWalk } from './walk-runner.ts';
import { walkTogether } from './walks-together.ts';

export interface SearchOptions {
  readonly k: number;
  /** Width of the beam; raised to `k`. */
  readonly ef: number;
  /** How many candidates to return at most. Default: `k`. At most those that were refined. */
  readonly limit?: number | undefined;
  /** Only records whose bit is set are found. */
  readonly filter?: FilterBits | undefined;
  /** A living node to begin at, and its layer or one below. Default: the graph's own. */
  readonly entry?: Entry | undefined;
  /**
   * The walk ends at a candidate that is more than (1 + stop) times as far as the k-th result, whatever `ef` still
   * allows; not for the dot metric. Default: 0, it does not.
   */
  readonly stop?: number | undefined;
  /** Measure only nodes that pass the filter, and walk through the others. Default: false. */
  readonly expand?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Measure by originals. Default: true. Without it distances are those of the codes. */
  readonly rerank?: boolean | undefined;
}

/** Of a search in one turn of the event loop. */
export type SearchNowOptions = Pick<SearchOptions, 'k' | 'ef' | 'stop'>;

/** Inline when it takes less than a slice, as nearly all do. */
export async function searchGraph(
  context: SearchContext,
  entry: Entry,
  query: Float32Array,
  options: SearchOptions & { readonly sliceMs: number },
): Promise<Candidates> {
  const { k, signal } = options;
  const beam = beamOf(context, Math.max(options.ef, k));
  const { onBits, ef } = beam;
  const slices = new Slices(options.sliceMs, signal);
  return await withWalk(context, beam, async (walk) => {
    walk.setQuery(query, options.filter, onBits ? CODES_BITS : CODES_SLOTS);
    walk.expand = options.expand === true;
    walk.setStop(k, options.stop ?? 0);
    const count = options.limit ?? k;
    const refined = options.rerank === false ? 0 : count;
    await runWalk(context.runner, walk, { entry, ef, slices, refined });
    return readResults(context.kernels, walk, { count, metricCode: context.space.metricCode });
  });
}

/**
 * The same from beginning to end in this turn of the event loop, without promises, which cost a search more than a
 * fifth of its time. Undefined when it takes longer than a slice, or needs what is slow to read: then nothing has
 * happened.
 */
export function searchGraphNow(
  context: SearchContext,
  entry: Entry,
  query: Float32Array,
  { k, ef: asked, stop = 0, sliceMs }: SearchNowOptions & { readonly sliceMs: number },
): Candidates | undefined {
  const { onBits, ef, spare } = beamOf(context, asked);
  const slices = new Slices(sliceMs, undefined);
  const walk = new WalkDriver(context, ef, spare);
  try {
    walk.setQuery(query, undefined, onBits ? CODES_BITS : CODES_SLOTS);
    walk.setStop(Math.min(k, ef), stop);
    walk.refine(k);
    walk.begin(entry, ef);
    while (!walk.advance()) if (walk.isInNeed || slices.isOver) return undefined;
    return readResults(context.kernels, walk, { count: k, metricCode: context.space.metricCode });
  } finally {
    walk.close();
  }
}

/** One of many searches that are asked for together. */
export interface SearchTogether extends SearchNowOptions {
  readonly query: Float32Array;
}

/** Many searches in this turn of the event loop. */
export interface SearchesTogether<Ask extends SearchTogether> {
  /** What comes next; undefined: nothing more in this turn. */
  readonly next: () => Ask | undefined;
  readonly found: (ask: Ask, candidates: Candidates) => void;
}

/** As `searchGraphNow`, many of them, their walks shared with workers; those that do not end in this turn are left. */
export function searchGraphTogether<Ask extends SearchTogether>(
  {
    context,
    runner,
    entry,
  }: {
    readonly context: SearchContext;
    readonly runner: WalkRunner;
    readonly entry: Entry;
  },
  { next, found }: SearchesTogether<Ask>,
): void {
  const { metricCode } = context.space;
  walkTogether<Ask>(runner, context, {
    entry,
    next,
    widthOf: ({ ef }) => beamOf(context, ef),
    prepare: ({ query, k, ef, stop = 0 }, walk) => {
      const { onBits } = beamOf(context, ef);
      walk.setQuery(query, undefined, onBits ? CODES_BITS : CODES_SLOTS);
      walk.setStop(Math.min(k, ef), stop);
      walk.refine(k);
    },
    done: (ask, walk) =>
      found(ask, readResults(context.kernels, walk, { count: ask.k, metricCode })),
  });
}

interface Beam extends BeamWidth {
  readonly onBits: boolean;
}

/** What a walk of which `ef` is asked goes by, and how wide its beam is. */
function beamOf({ vectors, beamOnBits }: SearchContext, asked: number): Beam {
  const ef = vectors.hasBits && beamOnBits !== undefined ? beamOnBits(asked) : asked;
  if (!vectors.hasBits || ef === 0) return { onBits: false, ef: asked, spare: 0 };
  return { onBits: true, ef, spare: spareOnBits(ef) };
}
