/**
 * Cuts vectors into overlapping shards that memory can build. Leaders are drawn, many for each shard; every
 * vector knows its nearest and its second nearest. How many have the one nearest and the other second says
 * how close two leaders are: a shard is a group of close leaders, grown until it is full. A vector belongs to
 * the shard of its nearest leader, and is a guest in that of its second where that is another: shards
 * overlap at their borders and nowhere else.
 */
import type { Random } from '../base/random.ts';
import type { BuildArea } from './build-area.ts';
import { ASSIGNED_MAX, BuildJob, type LeafOptions, rowBytes } from './build-job.ts';

const LEADERS_PER_SHARD = 24;
const LEADERS_MAX = 512;
/** Vectors for each leader at the least. */
const FOLLOWERS_LEAST = 4;
const BLOCK_BYTES = 1 << 18;
const STEP = 8192;

/** Members of one shard, ascending: of the first `owned` of them it is the home, the others are guests. */
export interface Shard {
  readonly members: Uint32Array;
  readonly isOwned: (vector: number) => boolean;
}

export interface ShardPlan {
  /** By vector: the leaders. */
  readonly nearest: Uint16Array;
  readonly second: Uint16Array;
  /** By leader. */
  readonly shards: Uint16Array;
  readonly shardCount: number;
}

interface Cut {
  readonly leaf: LeafOptions;
  readonly random: Random;
  readonly shardNodesMax: number;
  readonly onProgress: (done: number) => void;
}

/** The arrays of the result, 4 bytes a vector, are counted with the area. */
export async function planShards(area: BuildArea, cut: Cut): Promise<ShardPlan> {
  const { count } = area.vectors;
  const leaderCount = leadersFor(area, cut.shardNodesMax);
  area.count(4 * count);
  const nearest = new Uint16Array(count);
  const second = new Uint16Array(count);
  await assignAll(area, { ...cut, leaderCount, nearest, second });
  const pairBytes = 4 * leaderCount * leaderCount;
  area.count(pairBytes);
  const pairs = new Uint32Array(leaderCount * leaderCount);
  for (let i = 0; i < count; i++) {
    pairs[nearest[i] * leaderCount + second[i]]++;
    if (i % STEP === 0 && area.slices.isOver) await area.slices.pause();
  }
  const shards = groupLeaders(pairs, leaderCount, cut.shardNodesMax);
  area.count(-pairBytes);
  return { nearest, second, shards, shardCount: 1 + shards.reduce((a, b) => Math.max(a, b), 0) };
}

function leadersFor({ vectors, memory }: BuildArea, shardNodesMax: number): number {
  const wanted = LEADERS_PER_SHARD * Math.ceil(vectors.count / shardNodesMax);
  const most = Math.floor(vectors.count / FOLLOWERS_LEAST);
  const room = Math.floor(memory.allocator.totalBytes / 16 / rowBytes(memory.space));
  return Math.max(2, Math.min(wanted, most, room, LEADERS_MAX));
}

/** Streams all vectors past the leaders. */
async function assignAll(
  area: BuildArea,
  cut: Cut & {
    readonly leaderCount: number;
    readonly nearest: Uint16Array;
    readonly second: Uint16Array;
  },
): Promise<void> {
  const { memory, slices, vectors, codeStride } = area;
  const { leaderCount, nearest, second } = cut;
  const { exports, memory: own } = memory.kernels;
  const size = Math.max(16, Math.min(ASSIGNED_MAX, Math.floor(BLOCK_BYTES / codeStride)));
  const codes = area.take(size * codeStride);
  const nodes = { count: size, codes, codeStride, lists: 0, listStride: 0, cap: 1 };
  const job = new BuildJob(memory, nodes, cut.leaf);
  const rows = area.take(leaderCount * job.rowStride);
  const found = area.take(8 * size);
  try {
    for (let i = 0; i < size; i++) own.u32[(job.ids >>> 2) + i] = i;
    const leaders = drawLeaders(vectors.count, leaderCount, cut.random);
    for (let start = 0; start < leaderCount; start += size) {
      const part = leaders.subarray(start, start + size);
      area.encodeNow(part, codes);
      exports.buildRows(job.address, job.ids, part.length, rows + start * job.rowStride);
    }
    const block = new Uint32Array(size);
    for (let start = 0; start < vectors.count; start += size) {
      const length = Math.min(size, vectors.count - start);
      for (let i = 0; i < length; i++) block[i] = start + i;
      await area.encode(block.subarray(0, length), codes);
      const seconds = found + 4 * size;
      exports.buildAssign(job.address, job.ids, length, rows, leaderCount, found, seconds);
      nearest.set(own.u32.subarray(found >>> 2, (found >>> 2) + length), start);
      second.set(own.u32.subarray(seconds >>> 2, (seconds >>> 2) + length), start);
      cut.onProgress(start + length);
      if (slices.isOver) await slices.pause();
    }
  } finally {
    job.release();
  }
  for (const run of [codes, rows, found]) area.give(run);
}

function drawLeaders(count: number, leaderCount: number, random: Random): Uint32Array {
  const drawn = new Set<number>();
  while (drawn.size < leaderCount) drawn.add(Math.floor(random() * count));
  return Uint32Array.from(drawn);
}

/**
 * By leader, its shard. `pairs[a * leaderCount + b]` vectors have `a` nearest and `b` second. No shard of
 * several leaders has more than `most` members, guests included. O(leaders³) at the worst, a few ms.
 */
export function groupLeaders(pairs: Uint32Array, leaderCount: number, most: number): Uint16Array {
  const shards = new Uint16Array(leaderCount).fill(NONE);
  /** By leader: members that its joining the shard under way would add. */
  const cost = new Float64Array(leaderCount);
  const links = new Float64Array(leaderCount);
  for (let shard = 0; ; shard++) {
    const first = shards.indexOf(NONE);
    if (first === -1) return shards;
    for (let x = 0; x < leaderCount; x++) {
      cost[x] = 0;
      for (let y = 0; y < leaderCount; y++) {
        cost[x] += pairs[x * leaderCount + y] + (x === y ? 0 : pairs[y * leaderCount + x]);
      }
    }
    links.fill(0);
    let size = 0;
    for (let x = first; x !== -1; x = closest(shards, links, cost, most - size)) {
      shards[x] = shard;
      size += cost[x];
      for (let y = 0; y < leaderCount; y++) {
        const between = pairs[x * leaderCount + y] + pairs[y * leaderCount + x];
        links[y] += between;
        // Those were guests already, or would be.
        cost[y] -= between;
      }
    }
  }
}

const NONE = 0xffff;

/** The free leader with the largest share of its members in the shard, of those that fit in; or -1. */
function closest(
  shards: Uint16Array,
  links: Float64Array,
  cost: Float64Array,
  room: number,
): number {
  let best = -1;
  let bestShare = -1;
  for (let x = 0; x < shards.length; x++) {
    if (shards[x] !== NONE || cost[x] > room) continue;
    const share = links[x] / (links[x] + cost[x] + 1);
    if (share <= bestShare) continue;
    best = x;
    bestShare = share;
  }
  return best;
}

/**
 * The pieces of one shard, each of at most `most` members: one, unless a single leader has too many. Such
 * a crowd is cut as it comes, without guests: repair and the layers above hold its pieces together.
 */
export async function membersOf(
  { slices }: BuildArea,
  { nearest, second, shards }: ShardPlan,
  shard: number,
  most: number,
): Promise<Shard[]> {
  let owned = 0;
  let guests = 0;
  for (let i = 0; i < nearest.length; i++) {
    if (shards[nearest[i]] === shard) owned++;
    else if (shards[second[i]] === shard) guests++;
    if (i % STEP === 0 && slices.isOver) await slices.pause();
  }
  const takesGuests = owned + guests <= most;
  const members = new Uint32Array(takesGuests ? owned + guests : owned);
  let count = 0;
  for (let i = 0; i < nearest.length; i++) {
    const isMember = shards[nearest[i]] === shard || (takesGuests && shards[second[i]] === shard);
    if (isMember) members[count++] = i;
    if (i % STEP === 0 && slices.isOver) await slices.pause();
  }
  const isOwned = (vector: number): boolean => shards[nearest[vector]] === shard;
  const pieces = Math.ceil(members.length / most);
  const size = Math.ceil(members.length / pieces);
  return Array.from({ length: pieces }, (_, i) => {
    return { members: members.subarray(i * size, (i + 1) * size), isOwned };
  });
}
