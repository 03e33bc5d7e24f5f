/** The layers above 0 of a bulk build: nodes by the usual dice, lists as in layer 0, from the top down. */
import type { Random } from '../base/random.ts';
import { type BuildArea, listBytes } from './build-area.ts';
import type { LeafOptions } from './build-job.ts';
import { buildLayer } from './build-layer.ts';
import { repairLayer } from './build-repair.ts';
import type { Entry } from './entry.ts';

/** With m = 16 one node in 16^12 would be higher. */
const LAYER_MAX = 12;
const STEP = 4096;
/**
 * Many candidates, for the rule to choose long edges from: what leads from one cluster to another. With as few as
 * in layer 0, walks ended in the wrong one of twenty separate clusters in a sixth of the searches.
 */
const NEAREST = 64;
/** In a layer of few nodes, where more cost little and mean more. */
const NEAREST_OF_FEW = 200;
const FEW = 4096;

/** Lists of one layer above 0, of its nodes, ascending. */
export interface BuiltLayer {
  readonly nodes: Uint32Array;
  /** Of node `i` from `i * stride` on: how many, and which. */
  readonly lists: Uint32Array;
  readonly stride: number;
}

export interface UpperLayers {
  /** Layer 1 first. */
  readonly upper: readonly BuiltLayer[];
  readonly entry: Entry;
}

export interface UpperBuild {
  readonly m: number;
  readonly leaf: LeafOptions;
  readonly random: Random;
  readonly onProgress: (done: number, total: number) => void;
}

/** `order` is by node the number of its vector. The result is counted with the area. */
export async function buildUpperLayers(
  area: BuildArea,
  order: Uint32Array,
  build: UpperBuild,
): Promise<UpperLayers> {
  const layers = await drawLayers(area, order.length, build);
  const entry = { node: layers.at(-1)?.[0] ?? 0, layer: layers.length };
  const upper: BuiltLayer[] = [];
  const total = layers.reduce((sum, nodes) => sum + nodes.length, 0);
  let done = 0;
  for (let i = layers.length - 1; i >= 0; i--) {
    upper[i] = await upperLayer(area, order, layers[i], { ...build, root: entry.node });
    done += layers[i].length;
    build.onProgress(done, total);
  }
  return { upper, entry };
}

/** The nodes of each layer, ascending. */
async function drawLayers(
  { slices }: BuildArea,
  count: number,
  { m, random }: UpperBuild,
): Promise<Uint32Array[]> {
  const layers: number[][] = [];
  for (let node = 0; node < count; node++) {
    const height = Math.floor(-Math.log(1 - random()) / Math.log(m));
    for (let layer = 1; layer <= Math.min(height, LAYER_MAX); layer++) {
      layers[layer - 1] ??= [];
      layers[layer - 1].push(node);
    }
    if (node % STEP === 0 && slices.isOver) await slices.pause();
  }
  return layers.map((nodes) => Uint32Array.from(nodes));
}

async function upperLayer(
  area: BuildArea,
  order: Uint32Array,
  nodes: Uint32Array,
  { m, leaf, random, root }: UpperBuild & { readonly root: number },
): Promise<BuiltLayer> {
  const { slices, memory } = area;
  const { u32 } = memory.kernels.memory;
  const stride = listBytes(m) >>> 2;
  area.count(4 * nodes.length * (1 + stride));
  const codes = area.take(nodes.length * area.codeStride);
  const built = await area.nodes(codes, nodes.length, m);
  await area.encode(
    nodes.map((node) => order[node]),
    codes,
  );
  const nearest = nodes.length <= FEW ? NEAREST_OF_FEW : NEAREST;
  const layer = { options: { ...leaf, nearest }, random, onProgress: () => {} };
  await buildLayer(area, built, layer);
  await repairLayer(area, built, [nodes.indexOf(root)]);
  const start = built.lists >>> 2;
  const lists = u32.slice(start, start + nodes.length * stride);
  for (let i = 0; i < nodes.length; i++) {
    const end = i * stride + lists[i * stride];
    for (let at = i * stride + 1; at <= end; at++) lists[at] = nodes[lists[at]];
    if (i % STEP === 0 && slices.isOver) await slices.pause();
  }
  area.give(built.lists);
  area.give(codes);
  return { nodes, lists, stride };
}
