/**
 * Cuts nodes into leaves of near ones: leaders are drawn, every node goes to its nearest, and what is too
 * large is cut again. Which nodes lie at the borders depends on the leaders: cut again with others, the leaves
 * of all rounds together overlap everywhere.
 */
import type { Random } from '../base/random.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { ASSIGNED_MAX, type BuildJob, LEADERS_MAX } from './build-job.ts';

/** Leaders for each leaf that would do: clusters are uneven. */
const LEADERS_PER_LEAF = 2;

/** Ids that are sorted between two looks at the clock, less one. */
const SORT_MASK = 0x7fff;

/** Of arrays for each id while it is cut: its leader on every level, and its place on one. */
export const CUT_BYTES = 7;

/**
 * The leaves, near ones near each other; undefined between pieces of work, where a caller may stop. Reorders
 * `ids`, of which leaves are parts, valid until the next one.
 */
export function* cutIntoLeaves(
  kernels: Kernels,
  job: BuildJob,
  ids: Uint32Array,
  options: { readonly leafMax: number; readonly random: Random },
): Generator<Uint32Array | undefined> {
  const { leafMax, random } = options;
  if (ids.length <= leafMax) {
    if (ids.length > 0) yield ids;
    return;
  }
  const wanted = Math.ceil((LEADERS_PER_LEAF * ids.length) / leafMax);
  const leaders = Math.min(LEADERS_MAX, wanted);
  drawLeaders(kernels, job, ids, { leaders, random });
  const assigned = new Uint8Array(ids.length);
  for (let start = 0; start < ids.length; start += ASSIGNED_MAX) {
    const end = Math.min(ids.length, start + ASSIGNED_MAX);
    const { u32 } = kernels.memory;
    u32.set(ids.subarray(start, end), job.ids >>> 2);
    const { address, nearest } = job;
    kernels.exports.buildAssign(address, job.ids, end - start, job.leaders, leaders, nearest, 0);
    for (let i = start; i < end; i++) assigned[i] = u32[(nearest >>> 2) + i - start];
    yield undefined;
  }
  const bounds = yield* sortByLeader(ids, assigned, leaders);
  for (let i = 0; i < leaders; i++) {
    const part = ids.subarray(bounds[i], bounds[i + 1]);
    if (part.length < ids.length) {
      yield* cutIntoLeaves(kernels, job, part, options);
    } else {
      // Equal vectors cannot be told apart: halves do as well.
      const middle = part.length >>> 1;
      yield* cutIntoLeaves(kernels, job, part.subarray(0, middle), options);
      yield* cutIntoLeaves(kernels, job, part.subarray(middle), options);
    }
  }
}

/** Swaps random ids to the front and writes their rows. */
function drawLeaders(
  kernels: Kernels,
  job: BuildJob,
  ids: Uint32Array,
  { leaders, random }: { readonly leaders: number; readonly random: Random },
): void {
  for (let i = 0; i < leaders; i++) {
    const j = i + Math.floor(random() * (ids.length - i));
    const id = ids[j];
    ids[j] = ids[i];
    ids[i] = id;
  }
  kernels.memory.u32.set(ids.subarray(0, leaders), job.ids >>> 2);
  kernels.exports.buildRows(job.address, job.ids, leaders, job.leaders);
}

/** Sorts ids by leader, keeping their order; returns where each leader's begin, and the end. */
function* sortByLeader(
  ids: Uint32Array,
  assigned: Uint8Array,
  leaders: number,
): Generator<undefined, Uint32Array> {
  const bounds = new Uint32Array(leaders + 1);
  for (let i = 0; i < assigned.length; i++) {
    bounds[assigned[i] + 1]++;
    if ((i & SORT_MASK) === SORT_MASK) yield undefined;
  }
  for (let i = 0; i < leaders; i++) bounds[i + 1] += bounds[i];
  const next = bounds.slice();
  const given = ids.slice();
  for (let i = 0; i < given.length; i++) {
    ids[next[assigned[i]]++] = given[i];
    if ((i & SORT_MASK) === SORT_MASK) yield undefined;
  }
  return bounds;
}
