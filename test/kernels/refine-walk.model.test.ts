/**
 * The refinement of a walk's results against a plain one: the same nodes, distances and records, whatever of the
 * originals is in memory, in whatever pieces it runs.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKernels } from '../../src/kernels/kernels.ts';
import {
  CODES_BITS,
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  NO_RECORD,
  SPACE_ORIGINAL_PAGES,
  SPACE_ORIGINAL_ROOT,
  SPACE_ORIGINAL_STRIDE,
  STATUS_DONE,
  STATUS_ORIGINALS,
  WALK_CODES,
  WALK_ENTRIES,
  WALK_ENTRY_COUNT,
  WALK_QUERY,
  WALK_REFINE,
  WALK_REFINE_BATCH,
  WALK_REFINED,
  WALK_RESULT_ERRORS,
} from '../../src/kernels/layout.ts';
import type { Neighbour } from '../../src/kernels/oracle/walk.ts';
import { MemoryBits } from './memory-bits.ts';
import { BumpMemory, MemorySpace, MemoryWalk } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 22));
const { exports, memory } = bump.kernels;
const slotsPerPage = 3;
const recordOf = (node: number): number => 7 * node + 1;

interface Scene {
  readonly metric: number;
  readonly onBits: boolean;
  readonly query: Float32Array;
  readonly vectors: readonly Float32Array[];
  /** Pages whose originals, and whose codes, are not in memory. */
  readonly noOriginals: readonly number[];
  readonly noCodes: readonly number[];
  readonly limit: number;
  readonly batch: number;
  readonly hops: number;
  /** The walk is told of the refinement only when it is done. */
  readonly isLate: boolean;
}

const scene: fc.Arbitrary<Scene> = fc
  .record({ dimension: fc.integer({ min: 1, max: 70 }), nodes: fc.integer({ min: 1, max: 60 }) })
  .chain(({ dimension, nodes }) => {
    const value = fc.double({ min: -2, max: 2, noNaN: true });
    const vector = fc
      .array(value, { minLength: dimension, maxLength: dimension })
      .map((values) => Float32Array.from(values));
    const pages = fc.subarray([...Array(Math.ceil(nodes / slotsPerPage)).keys()]);
    return fc.record({
      metric: fc.constantFrom(METRIC_L2, METRIC_COSINE, METRIC_DOT),
      onBits: fc.boolean(),
      query: vector,
      vectors: fc.array(vector, { minLength: nodes, maxLength: nodes }),
      noOriginals: fc.oneof(fc.constant([]), pages),
      noCodes: fc.oneof(fc.constant([]), pages),
      limit: fc.integer({ min: 1, max: 20 }),
      batch: fc.integer({ min: 1, max: 16 }),
      hops: fc.constantFrom(1, 5, 200),
      isLate: fc.boolean(),
    });
  });

interface Placed {
  readonly space: MemorySpace;
  readonly bits: MemoryBits | undefined;
  readonly walk: MemoryWalk;
  /** Where all originals are, in memory or not. */
  readonly originals: readonly number[];
}

function place({ metric, onBits, query, vectors, noOriginals }: Scene): Placed {
  bump.reset();
  const nodes = vectors.length;
  const options = { dimension: query.length, metric, slotsPerPage, nodes, capBottom: nodes };
  const space = new MemorySpace(bump, options);
  const centroid = new Float32Array(query.length).fill(0.1);
  const bits = onBits
    ? new MemoryBits(bump, space, { centroid, seed: 3, slotsPerPage })
    : undefined;
  const field = (offset: number): number => memory.u32[(space.address + offset) / 4];
  const stride = field(SPACE_ORIGINAL_STRIDE);
  const cells = Array.from({ length: space.pages }, () => bump.take(slotsPerPage * stride));
  const originals = vectors.map((vector, node) => {
    const at = cells[Math.floor(node / slotsPerPage)] + (node % slotsPerPage) * stride;
    memory.f32.set(vector, at / 4);
    space.put(node, recordOf(node), at);
    bits?.put(node, recordOf(node), at);
    return at;
  });
  const chunk = bump.take(4 * space.pages);
  for (const page of cells.keys()) {
    memory.u32[chunk / 4 + page] = noOriginals.includes(page) ? 0 : cells[page];
  }
  memory.u32[(space.address + SPACE_ORIGINAL_ROOT) / 4] = bump.take(4);
  memory.u32[field(SPACE_ORIGINAL_ROOT) / 4] = chunk;
  memory.u32[(space.address + SPACE_ORIGINAL_PAGES) / 4] = space.pages;
  const others = Array.from({ length: nodes - 1 }, (_, i) => i + 1);
  space.setList(0, 0, others);
  const walk = new MemoryWalk(bump, space, nodes);
  if (onBits) walk.setField(WALK_CODES, CODES_BITS);
  walk.prepare(query);
  exports.walkBegin(walk.address, 0, 0, 0, nodes);
  return { space, bits, walk, originals };
}

function tellOfRefinement({ walk }: Placed, { limit, batch }: Scene): void {
  walk.setField(WALK_REFINE, limit);
  walk.setField(WALK_REFINE_BATCH, batch);
}

/** Below what the distance of each result hardly is; `estimates` have their errors. */
function boundsOf({ metric, onBits, query }: Scene, placed: Placed, noCodes: readonly number[]) {
  const { walk, space } = placed;
  const length = Math.sqrt(query.reduce((sum, value) => sum + value * value, 0));
  const errors = onBits ? walk.errors() : [];
  return walk.results().map(({ node, distance }, i) => {
    if (onBits) return Math.fround(distance - 2 * errors[i]);
    const isThere = !noCodes.includes(Math.floor(node / slotsPerPage));
    const step = (4 / Math.sqrt(12)) * (isThere ? space.code(node).scale : Infinity);
    if (metric === METRIC_DOT) return Math.fround(distance - step * length);
    const squared = Math.max(0, metric === METRIC_COSINE ? 2 * distance : distance);
    const nearest = Math.max(0, Math.sqrt(squared) - step) ** 2;
    return Math.fround(metric === METRIC_COSINE ? nearest / 2 : nearest);
  });
}

/** The best, and how many were measured. */
function refinePlainly(
  { limit, batch }: Scene,
  estimates: readonly Neighbour[],
  bounds: readonly number[],
  exact: (node: number) => number,
): { best: Neighbour[]; measured: number } {
  let best: Neighbour[] = [];
  let measured = 0;
  const wanted = Math.min(limit, estimates.length);
  for (let next = 0; next < estimates.length; ) {
    const missing = wanted - best.length;
    const size = Math.min(batch, missing || batch);
    const worst = missing > 0 ? Infinity : best[wanted - 1].distance;
    const nodes: number[] = [];
    for (; next < estimates.length && nodes.length < size; next++) {
      if (!(bounds[next] > worst)) nodes.push(estimates[next].node);
    }
    measured += nodes.length;
    best = [...best, ...nodes.map((node) => ({ node, distance: exact(node) }))]
      .sort((a, b) => a.distance - b.distance || a.node - b.node)
      .slice(0, wanted);
  }
  return { best, measured };
}

/** Runs to the end in pieces; originals that are not in memory come when they have been asked for. */
function run({ walk, originals }: Placed, { hops, noOriginals }: Scene): void {
  const { u32 } = memory;
  const entries = (): number[] => {
    const first = walk.field(WALK_ENTRIES) / 4;
    return Array.from({ length: walk.field(WALK_ENTRY_COUNT) }, (_, i) => u32[first + 2 * i]);
  };
  walk.finish((address) => {
    const status = exports.walkRun(address, hops);
    if (status !== STATUS_ORIGINALS) return status;
    const asked = entries();
    expect(asked.some((node) => noOriginals.includes(Math.floor(node / slotsPerPage)))).toBe(true);
    // Nothing has moved on: who asked may be gone.
    expect(exports.walkRun(address, hops)).toBe(STATUS_ORIGINALS);
    expect(entries()).toEqual(asked);
    const first = walk.field(WALK_ENTRIES) / 4;
    for (const [i, node] of asked.entries()) u32[first + 2 * i + 1] = originals[node];
    exports.refineEntries(address);
    return status;
  });
}

test('results are refined as plainly', () => {
  fc.assert(
    fc.property(scene, (given) => {
      const plain = place(given);
      plain.walk.finish((address) => exports.walkRun(address, 100));
      const estimates = plain.walk.results();
      expect(estimates).toHaveLength(given.vectors.length);
      // Codes are taken away only between walk and refinement.
      const noCodes = given.isLate ? given.noCodes : [];
      const bounds = boundsOf(given, plain, noCodes);
      const at = plain.walk.field(WALK_QUERY);
      const { metric, query } = given;
      const exact = (node: number): number =>
        exports.distanceExact(metric, at, plain.originals[node], query.length) + 0;
      const { best, measured } = refinePlainly(given, estimates, bounds, exact);

      const placed = place(given);
      const { walk, space, bits } = placed;
      if (given.isLate) {
        run(placed, given);
        expect(walk.results()).toEqual(estimates);
        for (const page of noCodes) {
          space.evictCodes(page);
          bits?.evict(page);
        }
      }
      tellOfRefinement(placed, given);
      run(placed, given);
      expect(walk.results()).toEqual(best);
      expect(walk.field(WALK_REFINED)).toBe(measured);
      const records = walk.field(WALK_RESULT_ERRORS) / 4;
      for (const [i, { node }] of best.entries()) {
        const isGone = noCodes.includes(Math.floor(node / slotsPerPage));
        expect(memory.u32[records + i]).toBe(isGone ? NO_RECORD : recordOf(node));
      }
      expect(exports.walkRun(walk.address, 1)).toBe(STATUS_DONE);
      expect(walk.results()).toEqual(best);
    }),
    { numRuns: 300 },
  );
});

test('a walk that begins again is refined again', () => {
  const vectors = Array.from({ length: 30 }, (_, i) => Float32Array.of(i, i * i, 30 - i, 1));
  const query = Float32Array.of(11, 100, 17, 1);
  const given: Scene = {
    metric: METRIC_L2,
    onBits: true,
    query,
    vectors,
    noOriginals: [2],
    noCodes: [],
    limit: 5,
    batch: 4,
    hops: 1,
    isLate: false,
  };
  const placed = place(given);
  const { walk } = placed;
  tellOfRefinement(placed, given);
  run(placed, given);
  const results = walk.results();
  expect(results).toHaveLength(5);
  expect(results[0]).toMatchObject({ node: 10 });
  exports.walkBegin(walk.address, 0, 0, 0, vectors.length);
  run(placed, given);
  expect(walk.results()).toEqual(results);
});
