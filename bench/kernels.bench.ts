/**
 * What does one distance, and one coding of a vector, cost in the kernel module and in plain TypeScript?
 *
 * Calls go one at a time from JavaScript, so that each figure of the module holds a crossing of about
 * 7 ns; inside a walk there is none.
 *
 * npm run bench -- kernels --full
 */
import { type Random, seededRandom } from '../src/base/random.ts';
import { CellAllocator } from '../src/kernels/cell-allocator.ts';
import { createKernels } from '../src/kernels/kernels.ts';
import { METRIC_L2 } from '../src/kernels/layout.ts';
import { type BitColumn, encodeBits } from '../src/kernels/oracle/bits.ts';
import { exactDistance } from '../src/kernels/oracle/exact.ts';
import { encodeSq8 } from '../src/kernels/oracle/sq8.ts';
import { bitCount, createSpace } from '../src/kernels/space.ts';
import { chooseBitGeometry } from '../src/paged/bit-geometry.ts';
import { chooseGeometry } from '../src/paged/geometry.ts';
import { readBenchOptions } from './harness/options.ts';
import { Report, type Row } from './harness/report.ts';
import { timeRounds } from './harness/timing.ts';

const options = readBenchOptions();
const vectorCount = 512; // Two megabytes at 1,024 dimensions: near the processor, as in a warm walk.
const pairs = options.full ? 100_000 : 200;
const slowCalls = pairs / 100; // Of the scalar encoders: some 100 microseconds a vector.
const rounds = options.full ? 15 : 3;
const memoryBytes = 32 * 1024 * 1024;

const report = new Report('kernels', 'synthetic', options.json);
report.begin(options.seed, options.full, { vectors: vectorCount, calls: pairs, rounds });
const rows = [32, 128, 384, 768].flatMap((dimension) => benchDimension(dimension));
report.table('one call', rows);

function benchDimension(dimension: number): Row[] {
  const random = seededRandom(options.seed);
  const vectors = Array.from({ length: vectorCount }, () => randomVector(random, dimension));
  const left = Uint32Array.from({ length: pairs }, () => Math.floor(random() * vectorCount));
  const right = Uint32Array.from({ length: pairs }, () => Math.floor(random() * vectorCount));
  const { addresses, slots, bitSlots, work, column, space, exports } = place(dimension, vectors);

  const measure = (
    kernel: string,
    where: string,
    call: (a: number, b: number) => number,
    calls = pairs,
  ): Row => {
    const timing = timeRounds(rounds, calls, () => {
      let checksum = 0;
      for (let i = 0; i < calls; i++) checksum += call(left[i], right[i]);
      return checksum;
    });
    return report.row('stratavec', { kernel, where, dimension }, { ...timing });
  };
  return [
    measure('f32 distance', 'module', (a, b) =>
      exports.distanceExact(METRIC_L2, addresses[a], addresses[b], dimension),
    ),
    measure('f32 distance', 'scalar', (a, b) => exactDistance(METRIC_L2, vectors[a], vectors[b])),
    measure('sq8 code to code', 'module', (a, b) =>
      exports.codeDistance(space, slots[a], slots[b]),
    ),
    measure('sq8 encode', 'module', (a) => {
      exports.encodeSlot(space, addresses[a], slots[a]);
      return 0;
    }),
    measure('sq8 encode', 'scalar', (a) => encodeSq8(METRIC_L2, vectors[a]).code[0], slowCalls),
    measure('1-bit encode', 'module', (a) => {
      exports.encodeBits(space, addresses[a], bitSlots[a], work);
      return 0;
    }),
    measure('1-bit encode', 'scalar', (a) => encodeBits(column, vectors[a]).bits[0], slowCalls),
  ];
}

/** Puts vectors and their codes into a memory of their own. */
function place(dimension: number, vectors: readonly Float32Array[]): Placed {
  const kernels = createKernels(memoryBytes);
  const { memory, exports } = kernels;
  const allocator = new CellAllocator(memory, memory.heapBase, memoryBytes);
  const geometry = chooseGeometry(dimension);
  const caps = { capBottom: 32, capUpper: 16 };
  const bits = chooseBitGeometry(geometry);
  const shape = { dimension, metric: 'l2', geometry, bits } as const;
  const space = createSpace(kernels, allocator, { ...shape, ...caps });
  const centroid = new Float32Array(dimension);
  const centroidAddress = allocator.allocateRun(4 * dimension);
  memory.f32.set(centroid, centroidAddress >>> 2);
  space.setCentroid(centroidAddress);
  const vectorBytes = Math.ceil(dimension / 4) * 16;
  const firstVector = allocator.allocateRun(vectors.length * vectorBytes);
  const firstSlot = allocator.allocateRun(vectors.length * geometry.codeStride);
  const firstBits = allocator.allocateRun(vectors.length * bits.stride);
  const work = allocator.allocateRun(4 * bits.count);
  const addresses = Uint32Array.from(vectors, (_, i) => firstVector + i * vectorBytes);
  const slots = Uint32Array.from(vectors, (_, i) => firstSlot + i * geometry.codeStride);
  const bitSlots = Uint32Array.from(vectors, (_, i) => firstBits + i * bits.stride);
  for (const [i, vector] of vectors.entries()) {
    memory.f32.set(vector, addresses[i] >>> 2);
    exports.encodeSlot(space.address, addresses[i], slots[i]);
  }
  const column = { metric: METRIC_L2, count: bitCount(dimension), seed: bits.seed, centroid };
  return { addresses, slots, bitSlots, work, column, space: space.address, exports };
}

interface Placed {
  /** Of the f32 vectors, and of the slots with their codes. */
  readonly addresses: Uint32Array;
  readonly slots: Uint32Array;
  readonly bitSlots: Uint32Array;
  /** For the encoder of 1-bit codes, and what its plain version needs. */
  readonly work: number;
  readonly column: BitColumn;
  /** Of the descriptor. */
  readonly space: number;
  readonly exports: ReturnType<typeof createKernels>['exports'];
}

function randomVector(random: Random, dimension: number): Float32Array {
  return Float32Array.from({ length: dimension }, () => random() - 0.5);
}
