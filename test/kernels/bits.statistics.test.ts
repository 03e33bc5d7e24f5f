/**
 * What 1-bit codes promise on the average over rotations: estimates that are right in the mean, and off by
 * more than a multiple of their standard error as seldom as a normal variable is. All is seeded, so that
 * the counts are the same in every run.
 */
import { describe, expect, test } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { createKernels } from '../../src/kernels/kernels.ts';
import {
  CODES_BITS,
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  WALK_CODES,
} from '../../src/kernels/layout.ts';
import { exactDistance } from '../../src/kernels/oracle/exact.ts';
import { MemoryBits } from './memory-bits.ts';
import { BumpMemory, MemorySpace, MemoryWalk } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 22));
const { exports } = bump.kernels;

const rotations = 400;
const neighbours = 4;

interface Scene {
  readonly query: Float32Array;
  readonly vectors: readonly Float32Array[];
  readonly centroid: Float32Array;
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Vectors at growing distances from the query. */
function dense(random: Random, dimension: number, metric: number): Scene {
  const draw = (): Float32Array => Float32Array.from({ length: dimension }, () => normal(random));
  const query = draw();
  const vectors = Array.from({ length: neighbours }, (_, n) => {
    const other = draw();
    return query.map((value, i) => value + ((n + 0.5) / 2) * other[i] + 0.1);
  });
  const length = metric === METRIC_COSINE ? Math.sqrt(dimension) : 1;
  return { query, vectors, centroid: new Float32Array(dimension).fill(0.1 / length) };
}

/** All of the weight on few coordinates, where a rotation that mixes badly would leave it. */
function sparse(random: Random, dimension: number): Scene {
  const draw = (first: number): Float32Array => {
    const vector = new Float32Array(dimension);
    for (let i = 0; i < 3; i++) vector[(first + 7 * i) % dimension] = normal(random);
    return vector;
  };
  const vectors = Array.from({ length: neighbours }, (_, n) => draw(n === 0 ? 0 : 7 * (n - 1)));
  return { query: draw(0), vectors, centroid: new Float32Array(dimension) };
}

interface Sample {
  /** Estimate less distance, and the standard error that came with the estimate. */
  readonly difference: number;
  readonly error: number;
}

/** For each vector, what each rotation makes of it. */
function samplesOf(metric: number, { query, vectors, centroid }: Scene): Sample[][] {
  const dimension = query.length;
  const nodes = vectors.length;
  const samples: Sample[][] = vectors.map(() => []);
  for (let seed = 0; seed < rotations; seed++) {
    bump.reset();
    const space = new MemorySpace(bump, { dimension, metric, slotsPerPage: 2, nodes });
    const bits = new MemoryBits(bump, space, { centroid, seed, slotsPerPage: 4 });
    for (const [node, vector] of vectors.entries()) bits.put(node, node, bump.vector(vector));
    space.setList(0, 0, [1, 2, 3]);
    const walk = new MemoryWalk(bump, space, nodes);
    walk.setField(WALK_CODES, CODES_BITS);
    walk.prepare(query);
    exports.walkBegin(walk.address, 0, 0, 0, nodes);
    walk.finish((address) => exports.walkRun(address, 10));
    const errors = walk.errors();
    for (const [i, { node, distance }] of walk.results().entries()) {
      const difference = distance - exactDistance(metric, query, vectors[node]);
      samples[node].push({ difference, error: errors[i] });
    }
  }
  return samples;
}

function meanOf(samples: readonly Sample[], term: (sample: Sample) => number): number {
  return samples.reduce((sum, sample) => sum + term(sample), 0) / samples.length;
}

const metrics = { l2: METRIC_L2, cosine: METRIC_COSINE, dot: METRIC_DOT };
const dimensions = [24, 64, 100, 128, 200, 384];

describe.each(Object.entries(metrics))('%s', (_, metric) => {
  test.each([dense, sparse])('estimates are unbiased, and errors what they say: %o', (draw) => {
    const all: Sample[] = [];
    for (const dimension of dimensions) {
      for (const samples of samplesOf(metric, draw(seededRandom(dimension), dimension, metric))) {
        const mean = meanOf(samples, ({ difference }) => difference);
        const variance = meanOf(samples, ({ difference }) => (difference - mean) ** 2);
        const expected = meanOf(samples, ({ error }) => error * error);
        expect(Math.abs(mean)).toBeLessThan(4.5 * Math.sqrt(variance / rotations));
        expect(variance / expected).toBeLessThan(1.2);
        all.push(...samples);
      }
    }
    for (const [z, rate] of [
      [1, 0.1587],
      [1.9, 0.0287],
      [3, 0.00135],
    ]) {
      const beyond = all.filter(({ difference, error }) => difference > z * error).length;
      expect(beyond / all.length).toBeLessThan(rate);
      // And not because errors say too much.
      if (z === 1) expect(beyond / all.length).toBeGreaterThan(rate / 3);
    }
  });
});
