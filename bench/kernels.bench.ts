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
import { exactDistance } from '../src/kernels/oracle/exact.ts';
import { encodeSq8 } from '../src/kernels/oracle/sq8.ts';
import { createSpace } from '../src/kernels/space.ts';
import { chooseGeometry } from '../src/paged/geometry.ts';
import { readBenchOptions } from './harness/options.ts';
import { Report, type Row } from './harness/report.ts';
import { timeRounds } from './harness/timing.ts';

const options = readBenchOptions();
const vectorCount = 512; // Two megabytes at 1,024 dimensions: near the processor, as in a warm walk.
const pairs = options.full ? 100_000 : 200;
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
  const { addresses, slots, space, exports } = place(dimension, vectors);

  const measure = (kernel: string, where: string, call: (a: number, b: number) => number): Row => {
    const timing = timeRounds(rounds, pairs, () => {
      let checksum = 0;
      for (let i = 0; i < pairs; i++) checksum += call(left[i], right[i]);
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
      exports.encodeSq8(space, addresses[a], slots[a]);
      return 0;
    }),
    measure('sq8 encode', 'scalar', (a) => encodeSq8(METRIC_L2, vectors[a]).code[0]),
  ];
}

/** Puts vectors and their codes into a memory of their own. */
function place(dimension: number, vectors: readonly Float32Array[]): Placed {
  const kernels = createKernels(memoryBytes);
  const { memory, exports } = kernels;
  const allocator = new CellAllocator(memory, memory.heapBase, memoryBytes);
  const geometry = chooseGeometry(dimension);
  const caps = { capBottom: 32, capUpper: 16 };
  const space = createSpace(kernels, allocator, { dimension, metric: 'l2', geometry, ...caps });
  const vectorBytes = Math.ceil(dimension / 4) * 16;
  const firstVector = allocator.allocateRun(vectors.length * vectorBytes);
  const firstSlot = allocator.allocateRun(vectors.length * geometry.codeStride);
  const addresses = Uint32Array.from(vectors, (_, i) => firstVector + i * vectorBytes);
  const slots = Uint32Array.from(vectors, (_, i) => firstSlot + i * geometry.codeStride);
  for (const [i, vector] of vectors.entries()) {
    memory.f32.set(vector, addresses[i] >>> 2);
    exports.encodeSq8(space.address, addresses[i], slots[i]);
  }
  return { addresses, slots, space: space.address, exports };
}

interface Placed {
  /** Of the f32 vectors, and of the slots with their codes. */
  readonly addresses: Uint32Array;
  readonly slots: Uint32Array;
  /** Of the descriptor. */
  readonly space: number;
  readonly exports: ReturnType<typeof createKernels>['exports'];
}

function randomVector(random: Random, dimension: number): Float32Array {
  return Float32Array.from({ length: dimension }, () => random() - 0.5);
}
