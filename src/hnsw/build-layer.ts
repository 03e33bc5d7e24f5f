/**
 * The lists of one layer, built all at once. In every round the nodes are cut into small leaves of near ones,
 * within a leaf all distances are computed, and each member takes the nearest that the diversity rule leaves
 * into its list, which stays pruned by that rule. After that lists are joined with those of neighbours
 * (`build-join.ts`), and edges turned round where there is room.
 *
 * Before the rounds of all nodes come some of samples, a quarter of the nodes, a sixteenth, and so on: in their
 * leaves lie nodes of several clusters, however large clusters are, and what the rule keeps of edges between them
 * leads walks from one to the other. Without them a walk that came down in the wrong one of many separate
 * clusters never left it.
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
import { joinLists } from './build-join.ts';
import { CUT_BYTES, cutIntoLeaves } from './build-partition.ts';

const BACK_EDGE_STEP = 512;

/** Each sample has a quarter of the nodes of the next; the smallest is about this large. */
const COARSER = 4;
const SAMPLE_LEAST = 64;
/** Members of a leaf of a sample that are looked at, at the least: the nearest are of the same cluster. */
const NEAREST_OF_SAMPLE = 64;

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
  const { options, onProgress } = build;
  const { count } = nodes;
  area.count((4 + CUT_BYTES) * count);
  const crew = new BuildCrew(area, nodes, options);
  try {
    const ids = new Uint32Array(count);
    await crew.lookAt(Math.max(NEAREST_OF_SAMPLE, options.nearest ?? 0));
    for (let step = largestStep(count); step > 1; step /= COARSER) {
      const sample = ids.subarray(0, Math.floor(count / step));
      await buildRound(area, crew, { ids: sample, step, build, onPlaced: () => {} });
    }
    await crew.lookAt(options.nearest);
    for (let round = 0; round < options.rounds; round++) {
      const onPlaced = (placed: number): void => onProgress(round * count + placed);
      await buildRound(area, crew, { ids, step: 1, build, onPlaced });
    }
    await crew.settled();
    await joinLists(area, crew, nodes);
    await turnEdges(area, crew.job, count);
  } finally {
    area.count(-(4 + CUT_BYTES) * count);
    await crew.release();
  }
}

/** The power of COARSER that leaves about SAMPLE_LEAST of so many nodes. */
function largestStep(count: number): number {
  let step = 1;
  while (count / (step * COARSER) >= SAMPLE_LEAST) step *= COARSER;
  return step;
}

interface Round {
  /** Overwritten. */
  readonly ids: Uint32Array;
  /** Of so many nodes in a row one is taken. */
  readonly step: number;
  readonly build: LayerBuild;
  readonly onPlaced: (placed: number) => void;
}

/** Cuts nodes into leaves, and builds them. */
async function buildRound(
  { memory, slices }: BuildArea,
  crew: BuildCrew,
  { ids, step, build, onPlaced }: Round,
): Promise<void> {
  const { options, random } = build;
  for (let i = 0; i < ids.length; i++) {
    ids[i] = step === 1 ? i : i * step + Math.floor(random() * step);
    if ((i & 0xffff) === 0 && slices.isOver) await slices.pause();
  }
  let placed = 0;
  for (const piece of cutIntoLeaves(memory.kernels, crew, ids, { ...options, random })) {
    if (piece instanceof Uint32Array) {
      // What a leaf of the last round writes, one of this round may write too.
      if (placed === 0) await crew.settled();
      await crew.leaf(piece);
      placed += piece.length;
      onPlaced(placed);
    } else if (piece !== undefined) {
      await piece;
    }
    if (slices.isOver) await slices.pause();
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
