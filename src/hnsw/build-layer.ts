/**
 * The lists of one layer, built all at once. In every round the nodes are cut into small leaves of near ones,
 * within a leaf all distances are computed, and each member takes the nearest that the diversity rule leaves
 * into its list, which stays pruned by that rule. After that edges are turned round where there is room.
 *
 * After the hierarchical clusterings of HCNNG (Munoz, Goncalves, Dias and Torres, "Hierarchical
 * clustering-based graphs for large scale approximate nearest neighbor search", Pattern Recognition 96, 2019),
 * with the rule of HNSW and Vamana in place of spanning trees, and lists of a fixed cap in place of pools:
 * memory is that of the finished graph.
 */
import type { Random } from '../base/random.ts';
import { BUILD_ROWS } from '../kernels/layout.ts';
import type { BuildArea } from './build-area.ts';
import { BuildJob, type BuildMemory, type BuildNodes, type LeafOptions } from './build-job.ts';
import { CUT_BYTES, cutIntoLeaves } from './build-partition.ts';
import type { Slices } from './slices.ts';

/** So many numbers at a time are worked through between two looks at the clock. */
const STEP_VALUES = 8192;
const BACK_EDGE_STEP = 512;

export interface LayerBuild {
  readonly options: LeafOptions;
  readonly random: Random;
  /** Told how many of all `rounds * count` placings are done. */
  readonly onProgress: (done: number) => void;
}

/** Fills the lists, whose counts are 0. Deterministic. */
export async function buildLayer(
  area: BuildArea,
  nodes: BuildNodes,
  build: LayerBuild,
): Promise<void> {
  const { options, random, onProgress } = build;
  const { memory, slices } = area;
  const { kernels } = memory;
  const job = new BuildJob(memory, nodes, options);
  area.count((4 + CUT_BYTES) * nodes.count);
  try {
    const ids = new Uint32Array(nodes.count);
    const { leafMax } = options;
    for (let round = 0; round < options.rounds; round++) {
      for (let i = 0; i < ids.length; i++) {
        ids[i] = i;
        if ((i & 0xffff) === 0 && slices.isOver) await slices.pause();
      }
      let done = round * nodes.count;
      for (const leaf of cutIntoLeaves(kernels, job, ids, { leafMax, random })) {
        if (leaf !== undefined) {
          await buildLeaf(memory, job, leaf, slices);
          done += leaf.length;
          onProgress(done);
        }
        if (slices.isOver) await slices.pause();
      }
    }
    await turnEdges(area, job, nodes.count);
  } finally {
    area.count(-(4 + CUT_BYTES) * nodes.count);
    job.release();
  }
}

/** Adds the edges back, where lists have room. */
export async function turnEdges(area: BuildArea, job: BuildJob, count: number): Promise<void> {
  const { memory, slices } = area;
  for (let start = 0; start < count; start += BACK_EDGE_STEP) {
    const end = Math.min(count, start + BACK_EDGE_STEP);
    memory.kernels.exports.buildBackEdges(job.address, start, end);
    if (slices.isOver) await slices.pause();
  }
}

async function buildLeaf(
  { kernels, space }: BuildMemory,
  job: BuildJob,
  leaf: Uint32Array,
  slices: Slices,
): Promise<void> {
  const members = leaf.length;
  if (members < 2) return;
  const { exports, memory } = kernels;
  const { address } = job;
  memory.u32.set(leaf, job.ids >>> 2);
  const step = Math.max(1, Math.min(64, Math.floor(STEP_VALUES / space.dimension)));
  const rows = memory.u32[(address + BUILD_ROWS) >>> 2];
  exports.buildRows(address, job.ids, members, rows);
  for (const work of [
    (from: number, to: number) => exports.buildMeasure(address, members, from, to),
    (from: number, to: number) => exports.buildChoose(address, members, from, to),
    (from: number, to: number) => {
      if (from === 0) exports.buildReverse(address, members);
      exports.buildMerge(address, job.ids, members, from, to);
    },
  ]) {
    for (let from = 0; from < members; from += step) {
      work(from, Math.min(members, from + step));
      if (slices.isOver) await slices.pause();
    }
  }
}
