/**
 * Looking things up in a vector space: node to page, page to cell, node to neighbour list. Whatever is
 * used is marked as referenced for the eviction clock; a mark that is there is not written again.
 * Address 0 says that something is not in memory.
 *
 * Threads look things up while the main thread changes them: marks are set by compare-and-swap, so that none
 * brings an entry back that was cleared meanwhile, and the size of a table is read before its address
 * (the main thread writes them the other way round).
 */
import {
  DIRECTORY_CHUNK_ENTRIES,
  DIRECTORY_CHUNK_SHIFT,
  ENTRY_FLAGS,
  ENTRY_REFERENCED,
  LIST_ABSENT,
  SPACE_CAP_BOTTOM,
  SPACE_CAP_UPPER,
  SPACE_CODE_PAGES,
  SPACE_CODE_ROOT,
  SPACE_CODE_SLOTS_OFFSET,
  SPACE_CODE_STRIDE,
  SPACE_DIMENSION,
  SPACE_LIST_PAGES,
  SPACE_LIST_ROOT,
  SPACE_LIST_STRIDE,
  SPACE_PAGE_MAGIC,
  SPACE_PAGE_SHIFT,
  SPACE_SLOTS,
  SPACE_SLOTS_PER_PAGE,
  SLOTS_VECTORS,
  SPACE_SINGLE_MASK,
  SPACE_SINGLE_TABLE,
  SINGLE_COUNT,
  SINGLE_LAYER,
  SINGLE_NODE,
  SINGLE_REFERENCED,
} from '../layout';

@inline
export function pageOf(space: u32, node: u32): u32 {
  return divide(node, load<u32>(space, SPACE_PAGE_MAGIC), load<u32>(space, SPACE_PAGE_SHIFT));
}

/** Division by multiplication, see SPACE_PAGE_MAGIC. */
@inline
export function divide(node: u32, magic: u32, shift: u32): u32 {
  return magic == 0 ? node >> shift : <u32>((<u64>node * <u64>magic) >> <u64>(32 + shift));
}

@inline
export function slotOf(space: u32, node: u32, page: u32): u32 {
  return node - page * load<u32>(space, SPACE_SLOTS_PER_PAGE);
}

/** The cell of a page in the directory with this root. */
@inline
export function cellOf(root: u32, pages: u32, page: u32): u32 {
  if (page >= pages) return 0;
  const chunk = load<u32>(root + ((page >> DIRECTORY_CHUNK_SHIFT) << 2));
  if (chunk == 0) return 0;
  const at = chunk + ((page & (DIRECTORY_CHUNK_ENTRIES - 1)) << 2);
  const entry = load<u32>(at);
  if (entry != 0 && (entry & ENTRY_REFERENCED) == 0) {
    atomic.cmpxchg<u32>(at, entry, entry | ENTRY_REFERENCED);
  }
  return entry & ~ENTRY_FLAGS;
}

/** The same without a mark of use. */
@inline
export function peekCell(root: u32, pages: u32, page: u32): u32 {
  if (page >= pages) return 0;
  const chunk = load<u32>(root + ((page >> DIRECTORY_CHUNK_SHIFT) << 2));
  if (chunk == 0) return 0;
  return load<u32>(chunk + ((page & (DIRECTORY_CHUNK_ENTRIES - 1)) << 2)) & ~ENTRY_FLAGS;
}

/** The code cell of a page. */
@inline
export function codeCellOf(space: u32, page: u32): u32 {
  const pages = atomic.load<u32>(space, SPACE_CODE_PAGES);
  return cellOf(load<u32>(space, SPACE_CODE_ROOT), pages, page);
}

@inline
export function slotInCell(space: u32, cell: u32, slot: u32): u32 {
  return cell + load<u32>(space, SPACE_CODE_SLOTS_OFFSET) + slot * load<u32>(space, SPACE_CODE_STRIDE);
}

/** Whether slots of the space hold vectors, not codes. */
@inline
export function holdsVectors(space: u32): bool {
  return load<u32>(space, SPACE_SLOTS) == SLOTS_VECTORS;
}

/** Bytes of what stands at SLOT_CODE. */
@inline
export function slotCodeBytes(space: u32): u32 {
  const dimension = load<u32>(space, SPACE_DIMENSION);
  return holdsVectors(space) ? dimension << 2 : dimension;
}

/** Whether the slot with this number holds a living node: the masks are at the head of the code cell. */
@inline
export function isLive(cell: u32, slot: u32): bool {
  return ((load<u32>(cell + ((slot >> 5) << 2)) >> (slot & 31)) & 1) != 0;
}

@inline
export function capOf(space: u32, layer: u32): u32 {
  return layer == 0 ? load<u32>(space, SPACE_CAP_BOTTOM) : load<u32>(space, SPACE_CAP_UPPER);
}

/** The address of `u32 count | u32 ids[]`, the neighbours of a node in a layer. */
export function listAddress(space: u32, layer: u32, node: u32): u32 {
  if (layer != 0) return singleListAddress(space, layer, node);
  const page = pageOf(space, node);
  const pages = atomic.load<u32>(space, SPACE_LIST_PAGES);
  const cell = cellOf(load<u32>(space, SPACE_LIST_ROOT), pages, page);
  if (cell != 0) {
    const list = cell + slotOf(space, node, page) * load<u32>(space, SPACE_LIST_STRIDE);
    if (load<u32>(list) != LIST_ABSENT) return list;
  }
  return singleListAddress(space, 0, node);
}

/** Where the search for a single list starts; the table's mask cuts it down. */
export function singleHash(layer: u32, node: u32): u32 {
  let hash = node * 0x9e3779b1 + layer * 0x85ebca6b;
  hash ^= hash >> 15;
  hash *= 0xc2b2ae35;
  return hash ^ (hash >> 16);
}

function singleListAddress(space: u32, layer: u32, node: u32): u32 {
  const mask = atomic.load<u32>(space, SPACE_SINGLE_MASK);
  const table = load<u32>(space, SPACE_SINGLE_TABLE);
  if (table == 0) return 0;
  let at = singleHash(layer, node) & mask;
  for (let probes: u32 = 0; probes <= mask; probes++) {
    const list = load<u32>(table + (at << 2));
    if (list == 0) return 0;
    if (load<u32>(list, SINGLE_NODE) == node) {
      const field = load<u32>(list, SINGLE_LAYER);
      if ((field & 255) == layer) {
        if ((field & SINGLE_REFERENCED) == 0) {
          atomic.cmpxchg<u32>(list, field, field | SINGLE_REFERENCED, SINGLE_LAYER);
        }
        return load<u32>(list, SINGLE_COUNT) == LIST_ABSENT ? 0 : list + SINGLE_COUNT;
      }
    }
    at = (at + 1) & mask;
  }
  return 0;
}
