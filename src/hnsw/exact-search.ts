/** The exact search: every living node of every page, measured by its original. */
import { type Candidates, readResults } from './candidates.ts';
import { Slices } from './slices.ts';
import { type FilterBits, type WalkContext, WalkDriver } from './walk-driver.ts';
import type { Scratch } from './walk-pool.ts';

export interface ExactSearchOptions {
  readonly k: number;
  readonly filter?: FilterBits | undefined;
  readonly signal?: AbortSignal | undefined;
}

export async function searchExactly(
  context: WalkContext,
  query: Float32Array,
  options: ExactSearchOptions & { readonly sliceMs: number },
): Promise<Candidates> {
  const { kernels, pool, space } = context;
  const { exports } = kernels;
  const slices = new Slices(options.sliceMs, options.signal);
  const walk = new WalkDriver(context, options.k);
  let gathered: Scratch | undefined;
  try {
    gathered = pool.reserve(space.slotsPerPage * space.originalStride);
    walk.setQuery(query, options.filter);
    exports.scanBegin(walk.address, options.k);
    for (let page = 0; page < context.vectors.counters.pages; page++) {
      const originals = originalsOf(context, page, gathered.address);
      exports.scanPage(walk.address, page, codesOf(context, page), originals);
      if (slices.isOver) await slices.pause();
    }
    exports.scanEnd(walk.address);
    return readResults(kernels, walk, { count: options.k, metricCode: space.metricCode });
  } finally {
    if (gathered !== undefined) pool.give(gathered);
    walk.close();
  }
}

function codesOf({ space, vectors }: WalkContext, page: number): number {
  const cell = space.codes.cell(page);
  if (cell !== 0) return cell;
  vectors.loadCodes(page);
  return space.codes.cell(page);
}

/** The cell with the originals of a page: the one in memory, or a copy of the living ones at `gathered`. */
function originalsOf(context: WalkContext, page: number, gathered: number): number {
  const { kernels, space, vectors } = context;
  // The codes first: once they are loaded, nothing takes the originals away before the scan.
  const masks = codesOf(context, page) >>> 2;
  const inMemory = space.originals.cell(page);
  if (inMemory !== 0) return inMemory;
  const { u8, u32 } = kernels.memory;
  const live = u32.slice(masks, masks + Math.ceil(space.slotsPerPage / 32));
  for (let slot = 0; slot < space.slotsPerPage; slot++) {
    if (((live[slot >>> 5] >>> (slot & 31)) & 1) === 0) continue;
    const original = vectors.original(page * space.slotsPerPage + slot);
    const target = gathered + slot * space.originalStride;
    u8.copyWithin(target, original, original + 4 * space.dimension);
  }
  return gathered;
}
