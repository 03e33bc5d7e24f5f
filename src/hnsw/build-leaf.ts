/** One leaf of a bulk build, worked through by the main thread in pieces, between which the event loop may run. */
import { BUILD_ROWS } from '../kernels/layout.ts';
import type { BuildJob, BuildMemory } from './build-job.ts';
import type { Slices } from './slices.ts';

/** So many numbers at a time are worked through between two looks at the clock. */
const STEP_VALUES = 8192;
const STEP_MEMBERS = 64;

/** Merges what the `members` nodes whose ids stand at `ids` find among each other into their lists. */
export async function buildLeaf(
  { kernels, space }: BuildMemory,
  job: BuildJob,
  { ids, members }: { readonly ids: number; readonly members: number },
  slices: Slices,
): Promise<void> {
  const { exports, memory } = kernels;
  const { address } = job;
  const step = Math.max(1, Math.min(STEP_MEMBERS, Math.floor(STEP_VALUES / space.dimension)));
  const rows = memory.u32[(address + BUILD_ROWS) >>> 2];
  exports.buildRows(address, ids, members, rows);
  for (const work of [
    (from: number, to: number) => exports.buildMeasure(address, members, from, to),
    (from: number, to: number) => exports.buildChoose(address, members, from, to),
    (from: number, to: number) => {
      if (from === 0) exports.buildReverse(address, members);
      exports.buildMerge(address, ids, members, from, to);
    },
  ]) {
    for (let from = 0; from < members; from += step) {
      work(from, Math.min(members, from + step));
      if (slices.isOver) await slices.pause();
    }
  }
}
