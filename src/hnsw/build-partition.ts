/**
 * Cuts nodes into leaves of near ones: leaders are drawn, every node goes to its nearest, and what is too
 * large is cut again. Which nodes lie at the borders depends on the leaders: cut again with others, the leaves
 * of all rounds together overlap everywhere.
 */
import type { Random } from '../base/random.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { BuildCrew } from './build-crew.ts';
import { ASSIGNED_MAX, type BuildJob, LEADERS_MAX } from './build-job.ts';

/** Leaders for each leaf that would do: clusters are uneven. */
const LEADERS_PER_LEAF = 2;

/** Cuts of so many pieces are done by all threads. */
const PIECES_SHARED = 4;

/** Ids that are sorted between two looks at the clock, less one. */
const SORT_MASK = 0x7fff;

/** Of arrays for each id while it is cut: its leader on every level, and its place on one. */
export const CUT_BYTES = 7;

/**
 * The leaves, near ones near each other. Between pieces of work, where a caller may stop: undefined, or a promise
 * that it has to await. Reorders `ids`, of which leaves are parts, valid until the next one.
 */
export function* cutIntoLeaves(
  kernels: Kernels,
  crew: BuildCrew,
  ids: Uint32Array,
  options: { readonly leafMax: number; readonly random: Random },
): Generator<Uint32Array | Promise<void> | undefined> {
  const { leafMax, random } = options;
  if (ids.length <= leafMax) {
    if (ids.length > 0) yield ids;
    return;
  }
  const wanted = Math.ceil((LEADERS_PER_LEAF * ids.length) / leafMax);
  const leaders = Math.min(LEADERS_MAX, wanted);
  drawLeaders(kernels, crew.job, ids, { leaders, random });
  const assigned = new Uint8Array(ids.length);
  yield* assignLeaders(kernels, crew, ids, { leaders, assigned });
  const bounds = yield* sortByLeader(ids, assigned, leaders);
  for (let i = 0; i < leaders; i++) {
    const part = ids.subarray(bounds[i], bounds[i + 1]);
    if (part.length < ids.length) {
      yield* cutIntoLeaves(kernels, crew, part, options);
    } else {
      // Equal vectors cannot be told apart: halves do as well.
      const middle = part.length >>> 1;
      yield* cutIntoLeaves(kernels, crew, part.subarray(0, middle), options);
      yield* cutIntoLeaves(kernels, crew, part.subarray(middle), options);
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

/** Writes the leader of each id, piece by piece: by workers where there are enough pieces, and here. */
function* assignLeaders(
  { memory, exports }: Kernels,
  crew: BuildCrew,
  ids: Uint32Array,
  { leaders, assigned }: { readonly leaders: number; readonly assigned: Uint8Array },
): Generator<Promise<void> | undefined> {
  const { u32 } = memory;
  const take = (nearest: number, start: number, end: number): void => {
    for (let i = start; i < end; i++) assigned[i] = u32[(nearest >>> 2) + i - start];
  };
  const isShared = crew.hasWorkers && ids.length >= PIECES_SHARED * ASSIGNED_MAX;
  const { address, ids: place, nearest, leaders: rows } = crew.job;
  let left = 0;
  for (let start = 0; start < ids.length; start += ASSIGNED_MAX) {
    const end = Math.min(ids.length, start + ASSIGNED_MAX);
    const part = ids.subarray(start, end);
    const onEnd = (at: number): void => {
      left--;
      take(at, start, end);
    };
    if (isShared && crew.assign(part, leaders, onEnd)) {
      left++;
    } else {
      u32.set(part, place >>> 2);
      exports.buildAssign(address, place, part.length, rows, leaders, nearest, 0);
      take(nearest, start, end);
    }
    yield undefined;
  }
  while (left > 0) {
    if (crew.helpAssign()) yield undefined;
    else yield crew.ended() ?? undefined;
  }
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
