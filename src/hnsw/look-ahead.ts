/**
 * What a walk is likely to need next, for where reads are slow: a hop needs one list, then the pages of some of its
 * neighbours, and would wait for either alone. Most of the nearest results will be expanded before the walk ends,
 * so their lists, and the pages of the neighbours in lists that are there, are read with what is needed now. That
 * costs some reads that nobody asks for: early in a walk it still moves away from its nearest results.
 */

import type { Kernels } from '../kernels/kernels.ts';
import { CODES_BITS, SPACE_BIT_SLOTS_PER_PAGE, WALK_CODES } from '../kernels/layout.ts';
import type { Space } from '../kernels/space.ts';
import type { ListCache } from './list-cache.ts';

/** Of the space that is walked in. */
interface Context {
  readonly kernels: Kernels;
  readonly space: Space;
  readonly lists: ListCache;
}

/** What is asked of a walk; see `WalkDriver`. */
interface Walk {
  readonly resultCount: number;
  readonly resultsIndex: number;
  field(offset: number): number;
}

export interface LikelyNeeds {
  /** Nodes whose lists of layer 0 are not in memory. */
  readonly lists: readonly number[];
  /** Pages of the codes that the walk goes by; some may be needed now. */
  readonly pages: ReadonlySet<number>;
}

/** Results of which something is missing: those behind them may be pushed out before their turn. */
const NODES = 8;
/** Lists and pages together. */
const NEEDS_MAX = 24;

/** Of a walk that waits; nothing is read. */
export function likelyNeeds(context: Context, walk: Walk): LikelyNeeds {
  const { kernels, lists, space } = context;
  const { u32 } = kernels.memory;
  const isOnBits = walk.field(WALK_CODES) === CODES_BITS;
  const bitSlots = u32[(space.address + SPACE_BIT_SLOTS_PER_PAGE) >>> 2];
  const slots = isOnBits ? bitSlots : space.slotsPerPage;
  const cells = isOnBits ? space.bits : space.codes;
  const missingLists: number[] = [];
  const pages = new Set<number>();
  let nodes = 0;
  for (const node of nearestResults(u32, walk)) {
    const before = missingLists.length + pages.size;
    const list = lists.find(0, node);
    if (list === 0) missingLists.push(node);
    else {
      for (const neighbour of lists.idsAt(list)) {
        const page = Math.floor(neighbour / slots);
        if (cells?.entry(page) === 0) pages.add(page);
      }
    }
    const needs = missingLists.length + pages.size;
    if (needs > before) nodes++;
    if (nodes === NODES || needs >= NEEDS_MAX) break;
  }
  return { lists: missingLists, pages };
}

/** While a walk is under way its results are in no order. */
function nearestResults(u32: Uint32Array, walk: Walk): number[] {
  const first = walk.resultsIndex;
  const places = Array.from({ length: walk.resultCount }, (_, i) => first + 2 * i);
  places.sort((a, b) => u32[a + 1] - u32[b + 1]);
  return places.map((at) => u32[at]);
}
