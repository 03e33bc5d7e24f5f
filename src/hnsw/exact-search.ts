/**
 * The exact search: every living node of every page, measured by its original. Where reads are slow, the next few
 * pages are read side by side.
 */
import { SLOT_CODE, SLOT_RECORD } from '../kernels/layout.ts';
import { type Candidates, readResults } from './candidates.ts';
import { Slices } from './slices.ts';
import { type FilterBits, type WalkContext, WalkDriver } from './walk-driver.ts';
import type { Scratch } from './walk-pool.ts';

export interface ExactSearchOptions {
  readonly k: number;
  readonly filter?: FilterBits | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Pages that are read together where reads are slow. */
const PAGES_AHEAD = 16;

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
      if (page % PAGES_AHEAD === 0 && context.reads?.isSlow) {
        await context.reads.together(loadsFrom(context, page, options.filter));
        slices.throwIfAborted();
      }
      const originals = originalsOf(context, page, {
        into: gathered.address,
        filter: options.filter,
      });
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

/** Brings some pages into memory; of the originals, where all of a page has room there. */
function loadsFrom(
  context: WalkContext,
  first: number,
  filter: FilterBits | undefined,
): (() => void)[] {
  const { space, vectors } = context;
  const end = Math.min(first + PAGES_AHEAD, vectors.counters.pages);
  return Array.from({ length: end - first }, (_, i) => () => {
    const page = first + i;
    // Given up meanwhile, with the others at the end.
    if (page >= vectors.counters.pages) return;
    const [slot] = wantedSlots(context, codesOf(context, page), filter);
    if (slot !== undefined) vectors.original(page * space.slotsPerPage + slot);
  });
}

function codesOf({ space, vectors }: WalkContext, page: number): number {
  const cell = space.codes.cell(page);
  if (cell !== 0) return cell;
  vectors.loadCodes(page);
  return space.codes.cell(page);
}

/**
 * The cell with the originals of a page: the one in memory, that of the codes where these are the originals, or a copy
 * of those that live and pass the filter at `into`.
 */
function originalsOf(
  context: WalkContext,
  page: number,
  { into, filter }: { readonly into: number; readonly filter: FilterBits | undefined },
): number {
  const { kernels, space, vectors } = context;
  // The codes first: once they are loaded, nothing takes the originals away before the scan.
  const codes = codesOf(context, page);
  if (space.slots === 'vectors') return codes + space.codeSlotsOffset + SLOT_CODE;
  const inMemory = space.originals.cell(page);
  if (inMemory !== 0) return inMemory;
  // Those wanted before anything is read, which may take the codes away.
  for (const slot of wantedSlots(context, codesOf(context, page), filter)) {
    const original = vectors.original(page * space.slotsPerPage + slot);
    const target = into + slot * space.originalStride;
    kernels.memory.u8.copyWithin(target, original, original + 4 * space.dimension);
  }
  return into;
}

function wantedSlots(
  { kernels, space }: WalkContext,
  cell: number,
  filter: FilterBits | undefined,
): number[] {
  const { u8, u32 } = kernels.memory;
  const wanted: number[] = [];
  for (let slot = 0; slot < space.slotsPerPage; slot++) {
    if (((u32[(cell >>> 2) + (slot >>> 5)] >>> (slot & 31)) & 1) === 0) continue;
    const record =
      u32[(cell + space.codeSlotsOffset + slot * space.codeStride + SLOT_RECORD) >>> 2];
    if (filter === undefined || passes(u8, filter, record)) wanted.push(slot);
  }
  return wanted;
}

function passes(u8: Uint8Array, { address, bits }: FilterBits, record: number): boolean {
  return record < bits && ((u8[address + (record >>> 3)] >>> (record & 7)) & 1) === 1;
}
