/**
 * The scratch of one thread of a bulk build in the module's memory: a job (BUILD_* in `kernels/layout.ts`), the
 * rows, distances and candidates of one leaf, and room for the ids of a piece of work.
 */
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import {
  BUILD_CANDIDATES,
  BUILD_CANDIDATES_MAX,
  BUILD_CAP,
  BUILD_CODE_STRIDE,
  BUILD_CODES,
  BUILD_DISTANCES,
  BUILD_FACTOR,
  BUILD_KEPT_MAX,
  BUILD_LEAST,
  BUILD_LIST_ROWS,
  BUILD_LIST_STRIDE,
  BUILD_LISTS,
  BUILD_NEAREST,
  BUILD_ROW_CODE,
  BUILD_ROW_STRIDE,
  BUILD_ROWS,
  BUILD_SIZE,
  BUILD_SLACK,
  BUILD_SPACE,
  BUILD_WORK,
  JOIN_MET_MAX,
  JOIN_OFFERED_MAX,
  JOIN_TABLE_BITS,
  METRIC_DOT,
  METRIC_L2,
} from '../kernels/layout.ts';
import type { SlotKind, Space } from '../kernels/space.ts';

/** What a build needs of the database's memory. */
export interface BuildMemory {
  readonly kernels: Kernels;
  readonly allocator: CellAllocator;
  readonly space: Space;
}

/** What the bytes of a row depend on. */
export interface RowShape {
  readonly dimension: number;
  readonly slots: SlotKind;
}

/** How leaves are built; part of what decides on the graph. */
export interface LeafOptions {
  /** Members of a leaf at the most. */
  readonly leafMax: number;
  /** Times that the nodes are cut into leaves. */
  readonly rounds: number;
  /** Slack of the diversity rule for what short lists are filled up with, 1 or more. */
  readonly alpha: number;
  /** Nearest members of a leaf that are looked at. Default: 12, of which ten are kept. */
  readonly nearest?: number | undefined;
}

/** Where nodes are: `count` codes, and as many lists of up to `cap` ids. Addresses and strides in bytes. */
export interface BuildNodes {
  readonly count: number;
  readonly codes: number;
  readonly codeStride: number;
  readonly lists: number;
  readonly listStride: number;
  readonly cap: number;
}

/** Nodes sorted to leaders in one call, and leaders in one cut. */
export const ASSIGNED_MAX = 1024;
export const LEADERS_MAX = 64;
/** What there is room for. */
const NEAREST_MAX = 200;
/** By default, and of them kept; and candidates with those that chose back. */
const NEAREST = 12;
const KEPT_MAX = 10;
const CANDIDATES_MAX = 24;

/** What joining needs in the place of a leaf's distances. */
const JOIN_BYTES = (4 << JOIN_TABLE_BITS) + 8 * JOIN_MET_MAX;

/** Up to so many dimensions lists are filled up to three quarters, beyond to half. */
const FILLED_DIMENSIONS = 256;

export class BuildJob {
  readonly address: number;
  readonly ids: number;
  readonly nearest: number;
  readonly leaders: number;
  readonly rowStride: number;
  readonly leafMax: number;
  readonly #memory: BuildMemory;
  readonly #cap: number;
  readonly #bytes: number;
  /** 0 when the memory is another's. */
  readonly #run: number;

  /** In memory of its own, or at `given`, which has `buildJobBytes`. */
  constructor(
    memory: BuildMemory,
    nodes: BuildNodes,
    { leafMax, alpha, nearest }: LeafOptions,
    given = 0,
  ) {
    const { space, allocator, kernels } = memory;
    this.#memory = memory;
    this.leafMax = leafMax;
    this.rowStride = rowBytes(space);
    this.#cap = nodes.cap;
    const parts = jobParts(space, nodes.cap, leafMax);
    this.#bytes = parts.reduce((sum, bytes) => sum + bytes, 0);
    this.#run = given === 0 ? allocator.allocateRun(this.#bytes) : 0;
    const at: number[] = [];
    let next = given === 0 ? this.#run : given;
    for (const bytes of parts) {
      at.push(next);
      next += bytes;
    }
    const [job, ids, assigned, leaders, rows, distances, candidates, listRows, work] = at;
    this.address = job;
    this.ids = ids;
    this.nearest = assigned;
    this.leaders = leaders;
    const { u32, f32 } = kernels.memory;
    const set = (field: number, value: number): void => {
      u32[(job + field) >>> 2] = value;
    };
    set(BUILD_SPACE, space.address);
    set(BUILD_CODES, nodes.codes);
    set(BUILD_CODE_STRIDE, nodes.codeStride);
    set(BUILD_LISTS, nodes.lists);
    set(BUILD_LIST_STRIDE, nodes.listStride);
    set(BUILD_CAP, nodes.cap);
    set(BUILD_ROWS, rows);
    set(BUILD_LIST_ROWS, listRows);
    set(BUILD_ROW_STRIDE, this.rowStride);
    set(BUILD_DISTANCES, distances);
    set(BUILD_CANDIDATES, candidates);
    set(BUILD_CANDIDATES_MAX, CANDIDATES_MAX);
    set(BUILD_WORK, work);
    f32[(job + BUILD_FACTOR) >>> 2] = 1;
    f32[(job + BUILD_SLACK) >>> 2] = slackOf(space.metricCode, alpha);
    set(BUILD_LEAST, leastOf(space.dimension, nodes.cap));
    this.lookAt(nearest);
  }

  /** From now on so many of the nearest members of a leaf are looked at. Default: 12, of which ten are kept. */
  lookAt(nearest: number | undefined): void {
    const { u32 } = this.#memory.kernels.memory;
    const keptMax = nearest === undefined ? KEPT_MAX : CANDIDATES_MAX;
    u32[(this.address + BUILD_NEAREST) >>> 2] = Math.min(nearest ?? NEAREST, NEAREST_MAX);
    u32[(this.address + BUILD_KEPT_MAX) >>> 2] = Math.min(keptMax, this.#cap);
  }

  /** Gives memory of its own back. */
  release(): void {
    if (this.#run !== 0) this.#memory.allocator.freeRun(this.#run, this.#bytes);
  }
}

/** Bytes of the scratch of one thread. */
export function buildJobBytes(
  shape: RowShape,
  cap: number,
  { leafMax }: Pick<LeafOptions, 'leafMax'>,
): number {
  return jobParts(shape, cap, leafMax).reduce((sum, bytes) => sum + bytes, 0);
}

/** Members of a leaf whose rows and distances stay in a processor's cache. */
export function leafSize(shape: RowShape, most: number): number {
  const bytes = 1 << 21;
  return Math.max(32, Math.min(most, Math.floor(bytes / rowBytes(shape))));
}

/** See BUILD_ROW_CODE. */
export function rowBytes({ dimension, slots }: RowShape): number {
  const bytes = slots === 'vectors' ? 4 : 2;
  return BUILD_ROW_CODE + bytes * Math.ceil(dimension / 16) * 16;
}

function jobParts(shape: RowShape, cap: number, leafMax: number): number[] {
  const row = rowBytes(shape);
  const work = Math.max(8 * (CANDIDATES_MAX + cap) + 8 * cap + 16, 8 * NEAREST_MAX);
  return [
    BUILD_SIZE,
    4 * Math.max(ASSIGNED_MAX, leafMax),
    4 * ASSIGNED_MAX,
    row * LEADERS_MAX,
    row * leafMax,
    Math.max(4 * leafMax * leafMax, JOIN_BYTES),
    (8 + 8 * CANDIDATES_MAX) * leafMax,
    row * (cap + JOIN_OFFERED_MAX),
    work,
  ].map((bytes) => Math.ceil(bytes / 16) * 16);
}

/**
 * To how many nodes a list is filled up. The narrower a beam, the more it needs them; but each costs a walk a
 * distance, which counts the more the more dimensions there are, and finding its way to a list counts the less.
 */
function leastOf(dimension: number, cap: number): number {
  return dimension <= FILLED_DIMENSIONS ? (3 * cap) >>> 2 : cap >>> 1;
}

/** As in `prune.ts` of the module: squared where distances are. */
function slackOf(metric: number, alpha: number): number {
  if (metric === METRIC_DOT) return 1;
  return metric === METRIC_L2 ? alpha * alpha : alpha;
}
