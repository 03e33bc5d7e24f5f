/**
 * Lists of shards on their way to one graph. Each shard's lists wait in a spool, as vectors; when the last is
 * built and memory is free, they are read back, front to back, and become lists of nodes. Where a node was
 * in two shards its lists are merged by turns, nearest first, as each was chosen: so the diversity of both
 * is kept without a look at the codes.
 *
 * The spool: u32 vector, u32 count, u32 vectors[count], and again.
 */
import { assert } from '../base/assert.ts';
import type { BuildArea } from './build-area.ts';
import type { BuildNodes } from './build-job.ts';

const BUFFER_WORDS = 1 << 14;
const STEP = 64;

/** A file of u32 words. */
export interface ListSpool {
  /** Copied. */
  append(words: Uint32Array): void;
  /** Reads from `position` until `target` is full or the words end; returns how many. */
  readInto(target: Uint32Array, position: number): number;
  /** Removes it. Idempotent. */
  close(): void;
}

/** Appends the lists of a shard, whose nodes are numbered by their place in `members`. */
export async function spoolLists(
  { slices, memory }: BuildArea,
  { count, lists, listStride, cap }: BuildNodes,
  members: Uint32Array,
  spool: ListSpool,
): Promise<void> {
  const { u32 } = memory.kernels.memory;
  const buffer = new Uint32Array(BUFFER_WORDS);
  let length = 0;
  for (let node = 0; node < count; node++) {
    if (length + cap + 2 > BUFFER_WORDS) {
      spool.append(buffer.subarray(0, length));
      length = 0;
    }
    const list = (lists + node * listStride) >>> 2;
    const end = list + u32[list];
    buffer[length++] = members[node];
    buffer[length++] = u32[list];
    for (let at = list + 1; at <= end; at++) buffer[length++] = members[u32[at]];
    if (node % STEP === 0 && slices.isOver) await slices.pause();
  }
  spool.append(buffer.subarray(0, length));
}

/** Fills the lists, which are empty, with all that was spooled; `nodeOf` is by vector. */
export async function mergeLists(
  { slices, memory }: BuildArea,
  { lists, listStride, cap }: BuildNodes,
  nodeOf: Uint32Array,
  spool: ListSpool,
): Promise<void> {
  const { u32 } = memory.kernels.memory;
  const buffer = new Uint32Array(BUFFER_WORDS);
  const merged = new Uint32Array(cap);
  let position = 0;
  for (let words = spool.readInto(buffer, 0); words > 0; ) {
    let at = 0;
    for (let i = 0; at + 1 < words && at + 2 + buffer[at + 1] <= words; i++) {
      const count = buffer[at + 1];
      const given = buffer.subarray(at + 2, at + 2 + count);
      for (let j = 0; j < count; j++) given[j] = nodeOf[given[j]];
      mergeList(u32, (lists + nodeOf[buffer[at]] * listStride) >>> 2, given, merged);
      at += 2 + count;
      if (i % STEP === 0 && slices.isOver) await slices.pause();
    }
    assert(at > 0, 'a spool ends with a whole list');
    position += at;
    words = spool.readInto(buffer, position);
  }
}

/** Merges `given`, nearest first, into a list; `merged` has room for as many as lists may have. */
export function mergeList(
  u32: Uint32Array,
  list: number,
  given: Uint32Array,
  merged: Uint32Array,
): void {
  const old = u32[list];
  if (old === 0) {
    u32[list] = given.length;
    u32.set(given, list + 1);
    return;
  }
  let count = 0;
  for (let i = 0; i < old || i < given.length; i++) {
    if (i < old) count = addOnce(merged, count, u32[list + 1 + i]);
    if (i < given.length) count = addOnce(merged, count, given[i]);
  }
  u32[list] = count;
  for (let i = 0; i < count; i++) u32[list + 1 + i] = merged[i];
}

function addOnce(merged: Uint32Array, count: number, node: number): number {
  if (count === merged.length) return count;
  for (let i = 0; i < count; i++) if (merged[i] === node) return count;
  merged[count] = node;
  return count + 1;
}
