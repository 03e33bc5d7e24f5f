/** The order in which nodes of a bulk build get their numbers: neighbours get numbers of one page. */
import type { BuildArea } from './build-area.ts';
import { BuildCrew } from './build-crew.ts';
import { CUT_BYTES, cutIntoLeaves } from './build-partition.ts';
import type { GraphBuild } from './built-graph.ts';

const STEP = 8192;

/** Orders nodes, of which codes are there, by leaves as large as a page. */
export async function cutIntoPages(
  area: BuildArea,
  codes: number,
  ids: Uint32Array,
  { leaf, random, nodesPerPage }: GraphBuild,
): Promise<void> {
  const { memory, slices, codeStride } = area;
  const nodes = { count: ids.length, codes, codeStride, lists: 0, listStride: 0, cap: 1 };
  const crew = new BuildCrew(area, nodes, leaf);
  area.count(CUT_BYTES * ids.length);
  try {
    const cut = { leafMax: nodesPerPage, random };
    for (const piece of cutIntoLeaves(memory.kernels, crew, ids, cut)) {
      if (piece instanceof Promise) await piece;
      if (slices.isOver) await slices.pause();
    }
  } finally {
    area.count(-CUT_BYTES * ids.length);
    await crew.release();
  }
}

/** 0, 1, 2 … */
export async function numbersTo({ slices }: BuildArea, count: number): Promise<Uint32Array> {
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    numbers[i] = i;
    if (i % STEP === 0 && slices.isOver) await slices.pause();
  }
  return numbers;
}
