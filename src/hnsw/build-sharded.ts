/**
 * A graph of more vectors than memory has codes and lists of: overlapping shards (`build-shards.ts`) are
 * built one after the other, each as a layer of its own, and their lists wait in a spool. Then memory takes the
 * lists of all nodes, without codes: they are merged (`build-merge.ts`), turned round and repaired as in a
 * build in one piece. Codes are made anew whenever somebody asks for them.
 *
 * Nodes are numbered shard by shard, within one by leaves as large as a page.
 */
import { assert } from '../base/assert.ts';
import type { BuildArea } from './build-area.ts';
import { BuildJob, type BuildNodes } from './build-job.ts';
import { buildLayer, turnEdges } from './build-layer.ts';
import { type ListSpool, mergeLists, spoolLists } from './build-merge.ts';
import { cutIntoPages } from './build-order.ts';
import { repairLayer } from './build-repair.ts';
import { membersOf, planShards, type Shard } from './build-shards.ts';
import { buildUpperLayers } from './build-upper.ts';
import type { BuiltGraph, GraphBuild } from './built-graph.ts';

const STEP = 8192;

/** The order as far as it is known. */
interface Numbering {
  readonly order: Uint32Array;
  next: number;
}

export async function buildSharded(area: BuildArea, build: GraphBuild): Promise<BuiltGraph> {
  const { count } = area.vectors;
  const { m, leaf, random, onProgress } = build;
  const spool = build.newListSpool();
  try {
    area.count(4 * count);
    const order = new Uint32Array(count);
    await buildShards(area, build, spool, order);
    const { upper, entry } = await buildUpperLayers(area, order, {
      m,
      leaf,
      random,
      onProgress: (done, total) => onProgress('layers', done, total),
    });
    onProgress('repair', 0, count);
    const bottom = await area.nodes(0, count, 2 * m);
    await mergeShards(area, build, { bottom, order, spool });
    await repairLayer(area, bottom, [entry.node]);
    onProgress('repair', count, count);
    const slots = encoder(area, build.nodesPerPage, order);
    return { order, bottom, upper, entry, slots, release: () => area.release() };
  } finally {
    spool.close();
  }
}

/** Builds and spools all shards, and fills `order`. */
async function buildShards(
  area: BuildArea,
  build: GraphBuild,
  spool: ListSpool,
  order: Uint32Array,
): Promise<void> {
  const { count } = area.vectors;
  const { leaf, random, shardNodesMax, onProgress } = build;
  onProgress('order', 0, count);
  const plan = await planShards(area, {
    leaf,
    random,
    shardNodesMax,
    onProgress: (done) => onProgress('order', done, count),
  });
  const numbering = { order, next: 0 };
  for (let i = 0; i < plan.shardCount; i++) {
    const pieces = await membersOf(area, plan, i, shardNodesMax);
    const bytes = pieces.reduce((sum, { members }) => sum + 4 * members.length, 0);
    area.count(bytes);
    for (const shard of pieces) await buildShard(area, build, { shard, spool, numbering });
    area.count(-bytes);
  }
  assert(numbering.next === count, 'every vector is at home in one shard');
  area.count(-4 * count);
}

async function buildShard(
  area: BuildArea,
  build: GraphBuild,
  { shard, spool, numbering }: { shard: Shard; spool: ListSpool; numbering: Numbering },
): Promise<void> {
  const { m, leaf, random, onProgress } = build;
  const { members } = shard;
  const codes = area.take(members.length * area.codeStride);
  await area.encode(members, codes);
  await number(area, build, { codes, shard, numbering });
  const nodes = await area.nodes(codes, members.length, 2 * m);
  const { order, next } = numbering;
  // Guests come on top of these.
  const before = next - members.length;
  await buildLayer(area, nodes, {
    options: leaf,
    random,
    onProgress: (done) => {
      const built = Math.max(0, before + Math.floor(done / leaf.rounds));
      onProgress('graph', built, order.length);
    },
  });
  await spoolLists(area, nodes, members, spool);
  area.give(nodes.lists);
  area.give(codes);
}

/** Numbers the vectors that are at home in a shard. */
async function number(
  area: BuildArea,
  build: GraphBuild,
  { codes, shard, numbering }: { codes: number; shard: Shard; numbering: Numbering },
): Promise<void> {
  const { members, isOwned } = shard;
  area.count(4 * members.length);
  const ids = new Uint32Array(members.length);
  let owned = 0;
  for (let i = 0; i < members.length; i++) {
    if (isOwned(members[i])) ids[owned++] = i;
    if (i % STEP === 0 && area.slices.isOver) await area.slices.pause();
  }
  await cutIntoPages(area, codes, ids.subarray(0, owned), build);
  for (let i = 0; i < owned; i++) {
    numbering.order[numbering.next++] = members[ids[i]];
    if (i % STEP === 0 && area.slices.isOver) await area.slices.pause();
  }
  area.count(-4 * members.length);
}

/** Lists of vectors become lists of nodes, with edges back where there is room. */
async function mergeShards(
  area: BuildArea,
  { leaf }: GraphBuild,
  { bottom, order, spool }: { bottom: BuildNodes; order: Uint32Array; spool: ListSpool },
): Promise<void> {
  area.count(4 * order.length);
  const nodeOf = new Uint32Array(order.length);
  for (let node = 0; node < order.length; node++) {
    nodeOf[order[node]] = node;
    if (node % STEP === 0 && area.slices.isOver) await area.slices.pause();
  }
  await mergeLists(area, bottom, nodeOf, spool);
  area.count(-4 * order.length);
  const job = new BuildJob(area.memory, bottom, leaf);
  try {
    await turnEdges(area, job, bottom.count);
  } finally {
    job.release();
  }
}

/** Makes the codes of a page. */
function encoder(
  area: BuildArea,
  nodesPerPage: number,
  order: Uint32Array,
): (first: number, end: number) => Uint8Array {
  const codes = area.take(nodesPerPage * area.codeStride);
  const { u8 } = area.memory.kernels.memory;
  return (first, end) => {
    assert(end - first <= nodesPerPage, 'slots of one page');
    u8.fill(0, codes, codes + nodesPerPage * area.codeStride);
    area.encodeNow(order.subarray(first, end), codes);
    return u8.subarray(codes, codes + (end - first) * area.codeStride);
  };
}
