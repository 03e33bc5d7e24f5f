/**
 * Structures in the kernel module's memory, shared by the AssemblyScript sources and the TypeScript
 * around them: both import this file, so that neither can drift. Only integer literals stand here.
 *
 * All fields are u32 unless they say otherwise. An address is a byte offset in the module's memory;
 * 0 is never a valid one.
 *
 * Table entry (u32): the address of a cell, a multiple of 16, with flags in the low bits. The whole
 * entry is 0 when the cell is not in memory. A reader that uses an entry sets ENTRY_REFERENCED; the
 * eviction clock clears it. A cell whose entry has ENTRY_PINNED is never evicted.
 *
 * Directory: how a table indexed by page is kept in pieces. The root is an array of addresses of
 * chunks (0: none of its pages is in memory); a chunk is an array of DIRECTORY_CHUNK_ENTRIES entries.
 */

export const FRAME_SIZE = 65536;

export const ENTRY_REFERENCED = 1;
export const ENTRY_PINNED = 2;
export const ENTRY_FLAGS = 15;

export const DIRECTORY_CHUNK_SHIFT = 10;
export const DIRECTORY_CHUNK_ENTRIES = 1024;

/**
 * Code cell: the code slice of one page as it is on disk.
 *
 *   live mask    u32[ceil(slotsPerPage / 32)]   bit = 1: the slot holds a living node. Zero on disk;
 *                                               filled from the slot states when the slice is loaded
 *   slots        slotsPerPage x codeStride bytes, from SPACE_CODE_SLOTS_OFFSET on
 *
 * Slot: the node's record number, then the factors of its code, then one byte a dimension:
 * value[i] = mean + scale * (code[i] - mean of the code); for the cosine metric of the normalised
 * vector. Around the mean, because distances between vectors with a large common offset would
 * otherwise be small differences of large numbers.
 *
 * In a space whose SPACE_SLOTS is SLOTS_VECTORS the vector itself, f32[dimension], stands at SLOT_CODE, as it
 * was given, and nothing but its squares between it and the record number.
 */
export const SLOT_RECORD = 0;
/** f32. */
export const SLOT_SCALE = 4;
/** f32, the mean of the vector's values. */
export const SLOT_MEAN = 8;
/**
 * f32, the squared norm of the decoded vector less its mean. For the cosine metric and a vector of
 * zeros it is 1, which puts that vector at distance 1 from all others.
 */
export const SLOT_SPREAD = 12;
export const SLOT_CODE = 16;
/** f32, in a slot with the vector itself: the sum of its squares for the cosine metric, else 0. */
export const SLOT_SQUARES = 4;

/**
 * Bit cell: the 1-bit codes of one bit page, a run of consecutive pages. Only searches walk on them.
 *
 *   live mask    u32[ceil(slotsPerBitPage / 32)]   as in a code cell: zero on disk
 *   slots        slotsPerBitPage x bitStride bytes, from SPACE_BIT_SLOTS_OFFSET on
 *
 * Slot: the node's record number, three factors, then the signs of the rotated rest, SPACE_BIT_COUNT
 * bits: bit i of the code is bit i % 8 of its byte i / 8, 1 where the value is not negative. The rest is
 * what remains of the vector (for the cosine metric: of the normalised vector) less the centroid.
 * `assembly/bits.ts` says what the factors mean.
 */
export const BIT_RECORD = 0;
/** f32, what a unit of the product of signs and query is worth. */
export const BIT_STEP = 4;
/** f32, the part of the distance that does not depend on the query. */
export const BIT_BASE = 8;
/** f32, the standard error of the estimate of (rest . query), for a query of length 1. */
export const BIT_ERROR = 12;
export const BIT_CODE = 16;

/**
 * List cell of layer 0: for each slot of one page `u32 count | u32 ids[cap]`; stride
 * SPACE_LIST_STRIDE. A count of LIST_ABSENT says that this list is not in memory.
 */
export const LIST_ABSENT = 0xffffffff;

/**
 * Single list: the list of one node in one layer, alone in its cell. All lists above layer 0 are such, and
 * those of layer 0 that do not stand in a list cell, because memory is too small for whole pages of lists.
 * Found by an open-addressing hash table of u32 addresses (0: empty), linear probing, start =
 * singleHash(layer, node) & SPACE_SINGLE_MASK.
 */
export const SINGLE_NODE = 0;
/** The layer in the low 8 bits, SINGLE_REFERENCED and SINGLE_PINNED above. */
export const SINGLE_LAYER = 4;
export const SINGLE_COUNT = 8;
export const SINGLE_IDS = 12;
export const SINGLE_REFERENCED = 256;
export const SINGLE_PINNED = 512;

/** Original cell: slotsPerPage x originalStride bytes: f32[dimension], then u32 checksum of them. */

// The descriptor of a vector space.
export const SPACE_DIMENSION = 0;
/** One of METRIC_*. */
export const SPACE_METRIC = 4;
export const SPACE_SLOTS_PER_PAGE = 8;
/** page = (u64(node) * magic) >> (32 + shift), exact for every u32 node; magic 0: page = node >> shift. */
export const SPACE_PAGE_MAGIC = 12;
export const SPACE_PAGE_SHIFT = 16;
export const SPACE_CODE_STRIDE = 20;
export const SPACE_CODE_SLOTS_OFFSET = 24;
/** Address of the root of the code directory, and how many pages the root can name. */
export const SPACE_CODE_ROOT = 28;
export const SPACE_CODE_PAGES = 32;
export const SPACE_LIST_ROOT = 36;
export const SPACE_LIST_PAGES = 40;
export const SPACE_LIST_STRIDE = 44;
/** Largest degree on layer 0, and above it. */
export const SPACE_CAP_BOTTOM = 48;
export const SPACE_CAP_UPPER = 52;
export const SPACE_SINGLE_TABLE = 56;
/** Entries of the table - 1; a power of two - 1. */
export const SPACE_SINGLE_MASK = 60;
export const SPACE_ORIGINAL_ROOT = 64;
export const SPACE_ORIGINAL_PAGES = 68;
export const SPACE_ORIGINAL_STRIDE = 72;
/**
 * The column of 1-bit codes, in the order of the fields of the SQ8 column above, SPACE_BIT_COLUMN
 * bytes behind them: a walk adds that to the space's address and reads either column in one way.
 * The directory is by bit page; magic and shift divide a node by SPACE_BIT_SLOTS_PER_PAGE.
 */
export const SPACE_BIT_COLUMN = 72;
export const SPACE_BIT_SLOTS_PER_PAGE = 80;
export const SPACE_BIT_MAGIC = 84;
export const SPACE_BIT_SHIFT = 88;
/** BIT_CODE + SPACE_BIT_COUNT / 8. */
export const SPACE_BIT_STRIDE = 92;
export const SPACE_BIT_SLOTS_OFFSET = 96;
export const SPACE_BIT_ROOT = 100;
export const SPACE_BIT_PAGES = 104;
/** Bits of a code: the dimension, rounded up to a multiple of 64. */
export const SPACE_BIT_COUNT = 108;
/** Address of f32[dimension], as given, not rotated; for the cosine metric of normalised vectors. */
export const SPACE_BIT_CENTROID = 112;
/** What the rotation is drawn from, with SPACE_BIT_COUNT. */
export const SPACE_BIT_SEED = 116;
/** One of SLOTS_*: what slots of code cells hold. */
export const SPACE_SLOTS = 120;
/** Bytes of a descriptor. */
export const SPACE_SIZE = 128;

export const METRIC_L2 = 0;
export const METRIC_COSINE = 1;
export const METRIC_DOT = 2;

export const SLOTS_SQ8 = 0;
export const SLOTS_VECTORS = 1;

// What `walkRun`, and the other resumable calls, return.
export const STATUS_DONE = 0;
/** The hop budget is used up: call again. */
export const STATUS_YIELD = 1;
/** The need list names what must be brought into memory before calling again. */
export const STATUS_NEED = 2;
/** The scratch is too small: allocate one of twice the size, `walkMove` into it, call again. */
export const STATUS_GROW = 3;
/** The WALK_ENTRY_COUNT entries at WALK_ENTRIES want addresses of originals: `refineEntries`, then call again. */
export const STATUS_ORIGINALS = 4;

// An entry of the need list: u32 kind | u32 value. For NEED_LIST the layer stands in the kind's upper half.
/** value: page whose code cell is missing. */
export const NEED_CODES = 1;
/** value: node whose list is missing; kind = NEED_LIST | layer << 16. */
export const NEED_LIST = 2;
/** value: bit page whose bit cell is missing. */
export const NEED_BITS = 3;

/**
 * The scratch of one walk, WALK_HEADER_SIZE bytes of fields followed by its arrays, whose addresses
 * `walkInit` lays out. A walk key is a u64: the distance as an order-preserving u32 in the upper half,
 * the node in the lower; unsigned order of keys = order by (distance, node).
 */
export const WALK_SPACE = 0;
/** Bytes of the whole scratch. */
export const WALK_SIZE = 4;
export const WALK_EF = 8;
/** The layer that the walk is on, and the layer it ends on (there with `ef`; above it greedily). */
export const WALK_LAYER = 12;
export const WALK_TARGET_LAYER = 16;
/** Results: u64 keys; a heap during the walk, sorted ascending when DONE, the spare ones behind `ef`. */
export const WALK_RESULTS = 20;
export const WALK_RESULT_COUNT = 24;
export const WALK_NEEDS = 28;
export const WALK_NEED_COUNT = 32;
/** Statistics since `walkBegin`. */
export const WALK_HOPS = 36;
export const WALK_DISTANCES = 40;
/** Address of a bit set by record number, and its length in bits; 0: no filter. */
export const WALK_FILTER = 44;
export const WALK_FILTER_BITS = 48;
/** Address where the caller puts the query, f32[dimension], before `walkPrepare`. */
export const WALK_QUERY = 52;
/** Address of an array of u32: out list of `selectNeighbours`; after LINK_REWRITTEN nodes that need an edge from elsewhere. */
export const WALK_SELECTED = 56;
export const WALK_SELECTED_COUNT = 60;
/** What `linkBack` did: LINK_*. */
export const WALK_LINK_RESULT = 64;
/**
 * One of CODES_*: what the walk measures by. Set before `walkPrepare`, kept until the next one. With
 * CODES_BITS keys hold estimates, and only walks are possible: no selecting, no linking.
 */
export const WALK_CODES = 68;
/**
 * 1: on the target layer nodes that do not pass the filter, ghosts among them, are not measured but
 * walked through: their neighbours are gathered in their place (two hops). 0: all are measured.
 */
export const WALK_EXPAND = 72;
/**
 * f32, gamma, and k: the walk stops at a candidate that is more than (1 + gamma) times as far as the
 * k-th result, distances being l2 (for the cosine metric between normalised vectors). 0: it does not.
 * Not for the dot metric. WALK_STOP_K is at most `ef`.
 */
export const WALK_STOP_FACTOR = 76;
export const WALK_STOP_K = 80;
/**
 * Address of f32[], written at DONE of a walk on bits: the standard error of each result's estimate.
 * The true distance is below `distance - z * error` about as often as a normal variable is below -z.
 * After a refinement u32[]: the record number of each result, NO_RECORD where its code is not in memory.
 */
export const WALK_RESULT_ERRORS = 84;
export const NO_RECORD = 0xffffffff;
/** Address of u64[ef], free for the caller after DONE until the next `walkBegin`: entries to refine. */
export const WALK_ENTRIES = 88;
/** Address of u32[]: after LINK_REWRITTEN the ids of the list before, as many as its cap, in their order. */
export const WALK_REPLACED = 92;
/**
 * How many of the nearest that found no place among `ef` results are given behind them at DONE; the walk goes as
 * without them. Set before `walkBegin`. 0: none.
 */
export const WALK_SPARE = 96;
/**
 * How many results are wanted, measured by originals (`assembly/refine.ts`), and how many originals can be had at
 * a time. Set at any time before `walkRun` returns DONE, or after, to call it again. 0: results stay as they are.
 */
export const WALK_REFINE = 100;
export const WALK_REFINE_BATCH = 104;
/** Originals that are measured next, and those that have been. */
export const WALK_ENTRY_COUNT = 108;
export const WALK_REFINED = 112;
/** From here on the fields are the module's own. */
export const WALK_PRIVATE = 116;
export const WALK_HEADER_SIZE = 384;

/** What the code cells hold: SPACE_SLOTS. */
export const CODES_SLOTS = 0;
export const CODES_BITS = 1;

/** The edge was there already: nothing changed. */
export const LINK_PRESENT = 0;
/** The edge was appended. */
export const LINK_APPENDED = 1;
/** The list was full: it was chosen anew among its edges and the new one, which it has now. */
export const LINK_REWRITTEN = 2;
/** The list was full and would not have the new edge if it were chosen anew: nothing changed. */
export const LINK_REFUSED = 3;

// The job of a bulk build: fields that the caller fills in (`assembly/build-*.ts`), one for each thread.
// Nodes are numbered from 0; the code of a node is `codes + node * stride`, a slot as in a code cell; its
// list is `lists + node * stride`: u32 count | u32 ids[cap], nearest first.
export const BUILD_SPACE = 0;
export const BUILD_CODES = 4;
export const BUILD_CODE_STRIDE = 8;
export const BUILD_LISTS = 12;
export const BUILD_LIST_STRIDE = 16;
/** Largest degree. */
export const BUILD_CAP = 20;
/** Rows of the members of a leaf, and of a list's nodes with JOIN_OFFERED_MAX more: codes made for comparison (`build-rows.ts`). */
export const BUILD_ROWS = 24;
export const BUILD_LIST_ROWS = 28;
export const BUILD_ROW_STRIDE = 32;
/** f32[members][members], the distances within a leaf; or a table of 4 << JOIN_TABLE_BITS bytes and a list of 8 * JOIN_MET_MAX. */
export const BUILD_DISTANCES = 36;
/** For each member: u32 count | u32 own count | u64 keys[BUILD_CANDIDATES_MAX]. */
export const BUILD_CANDIDATES = 40;
export const BUILD_CANDIDATES_MAX = 44;
/** Nearest members that a member looks at, and how many of them it keeps at the most. */
export const BUILD_NEAREST = 48;
export const BUILD_KEPT_MAX = 52;
/** f32: how much nearer to another neighbour than to the node makes an edge superfluous. */
export const BUILD_FACTOR = 56;
/** 8 * (BUILD_CANDIDATES_MAX + cap) + 8 * cap + 16 bytes, and 8 * BUILD_NEAREST at the least. */
export const BUILD_WORK = 60;
/** f32: the same for what lists are filled up with, to how many (`assembly/build-join.ts`). */
export const BUILD_SLACK = 64;
export const BUILD_LEAST = 68;
export const BUILD_SIZE = 80;
/** Neighbours of neighbours that are looked at, and offered, at the most; and the size of a table of them and a list. */
export const JOIN_MET_MAX = 1024;
export const JOIN_OFFERED_MAX = 16;
export const JOIN_TABLE_BITS = 11;
/**
 * A row: f32 scale, mean, spread and rest, then i16 codes; or f32 squares, three zeros, then the f32 vector. Padded with
 * zeros to a multiple of 16 dimensions.
 */
export const BUILD_ROW_CODE = 16;
