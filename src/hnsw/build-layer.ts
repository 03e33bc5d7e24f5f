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
import type { BuildArea } from './build-area.ts';
import { BuildCrew } from './build-crew.ts';
import type { BuildJob, BuildNodes, LeafOptions } from './build-job.ts';
import { CUT_BYTES, cutIntoLeaves } from './build-partition.ts';

const BACK_EDGE_STEP = 512;

export interface LayerBuild {
  readonly options: LeafOptions;
  readonly random: Random;
  /** Told how many of all `rounds * count` placings are done. */
  readonly onProgress: (done: number) => void;
}

/** Fills the lists, whose counts are 0. Deterministic, whatever the number of threads. */
export async function buildLayer(
  area: BuildArea,
  nodes: BuildNodes,
  build: LayerBuild,
): Promise<void> {
  const { options, random, onProgress } = build;
  const { memory, slices } = area;
  area.count((4 + CUT_BYTES) * nodes.count);
  const crew = new BuildCrew(area, nodes, options);
  try {
    const ids = new Uint32Array(nodes.count);
    const { leafMax } = options;
    for (let round = 0; round < options.rounds; round++) {
      for (let i = 0; i < ids.length; i++) {
        ids[i] = i;
        if ((i & 0xffff) === 0 && slices.isOver) await slices.pause();
      }
      let done = round * nodes.count;
      for (const piece of cutIntoLeaves(memory.kernels, crew, ids, { leafMax, random })) {
        if (piece instanceof Uint32Array) {
          // What a leaf of the last round writes, one of this round may write too.
          if (done === round * nodes.count) await crew.settled();
          await crew.leaf(piece);
          done += piece.length;
          onProgress(done);
        } else if (piece !== undefined) {
          await piece;
        }
        if (slices.isOver) await slices.pause();
      }
    }
    await crew.settled();
    await turnEdges(area, crew.job, nodes.count);
  } finally {
    area.count(-(4 + CUT_BYTES) * nodes.count);
    await crew.release();
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
