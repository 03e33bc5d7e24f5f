/**
 * The last touch to the lists of a layer: each is chosen once more with what its neighbours' lists name, and
 * filled up where it is short (`kernels/assembly/build-join.ts`). New lists are written beside the old ones, so many at a
 * time, and take their place together: what a list becomes does not depend on who is first.
 */
import type { BuildArea } from './build-area.ts';
import type { BuildCrew } from './build-crew.ts';
import type { BuildNodes } from './build-job.ts';
import { REPAIR_BYTES } from './build-repair.ts';

const BATCH_MOST = 2048;
/** Nodes between two looks at the clock, and in one piece of a worker. */
const PIECE_VALUES = 4096;
const PIECE_MOST = 32;

export async function joinLists(
  area: BuildArea,
  crew: BuildCrew,
  { count, lists, listStride }: BuildNodes,
): Promise<void> {
  const { memory, slices } = area;
  const { u8 } = memory.kernels.memory;
  const piece = Math.max(
    1,
    Math.min(PIECE_MOST, Math.floor(PIECE_VALUES / memory.space.dimension)),
  );
  // No more memory than the repair takes afterwards.
  const room = Math.floor((REPAIR_BYTES * count) / listStride);
  const batch = Math.max(1, Math.min(BATCH_MOST, room));
  const out = area.take(batch * listStride);
  for (let start = 0; start < count; start += batch) {
    const end = Math.min(count, start + batch);
    for (let from = start; from < end; from += piece) {
      crew.join(from, Math.min(end, from + piece), out + (from - start) * listStride);
      if (slices.isOver) await slices.pause();
    }
    await crew.joined();
    u8.copyWithin(lists + start * listStride, out, out + (end - start) * listStride);
  }
  area.give(out);
}
