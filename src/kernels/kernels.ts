/**
 * The kernel module: one instance over one shared memory, which is reserved here once and never
 * grows. The module keeps no data of its own; whoever owns `memory` decides what lies where, from
 * `heapBase` on. The structures are described in layout.ts.
 */
import { assert } from '../base/assert.ts';
import { KERNEL_BYTES } from './kernel-bytes.ts';

/** Views over the whole memory. They stay valid: the memory never grows. */
export interface KernelMemory {
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;
  /** The first address that the module leaves to its caller, a multiple of 16. */
  readonly heapBase: number;
}

/**
 * What the module exports. Addresses are byte offsets in its memory; spaces and walks are addresses
 * of the structures in layout.ts. Statuses are STATUS_*. Results of type u32 come as i32: addresses
 * and sizes above 2 GiB have to be taken `>>> 0`.
 */
export interface KernelExports {
  heapBase(): number;
  /** Bytes of scratch that a walk with this ef starts with. */
  walkBytes(space: number, ef: number): number;
  /** Lays out a scratch of `bytes >= walkBytes(space, ef)`; `ef` is the number of results it has room for. */
  walkInit(walk: number, bytes: number, space: number, ef: number): void;
  /** Codes the query at WALK_QUERY for WALK_CODES; the vector is left as it is. */
  walkPrepare(walk: number): void;
  /** Starts at `entryNode` on layer `fromLayer`, greedily down to `targetLayer`, there with `ef`. */
  walkBegin(
    walk: number,
    entryNode: number,
    fromLayer: number,
    targetLayer: number,
    ef: number,
  ): void;
  /** Goes on in a lower layer from the present results; from the nearest ghost if there are none. */
  walkContinue(walk: number, targetLayer: number, ef: number): void;
  /**
   * DONE leaves keys, nearest first, at WALK_RESULTS; with WALK_REFINE so many, measured by originals. A budget of 0
   * hops never gets anywhere.
   */
  walkRun(walk: number, hopBudget: number): number;
  /** Copies a walk into a larger scratch, after STATUS_GROW; the old one can be freed. */
  walkMove(from: number, to: number, toBytes: number): void;
  /** From sorted results: at most `m` neighbours in different directions, into WALK_SELECTED; without results a ghost. */
  selectNeighbours(walk: number, m: number, alpha: number): number;
  /** Adds `newNode` to the list of `node` in memory; WALK_LINK_RESULT says what became of it. */
  linkBack(walk: number, layer: number, node: number, newNode: number): number;
  /** Fills a slot of a code cell, SLOTS_* of the space, from the f32 vector; leaves the record number. */
  encodeSlot(space: number, vector: number, slot: number): void;
  /** Writes the vector that an SQ8 slot stands for, f32[dimension]; of the cosine metric the normalised one. */
  decodeSq8(space: number, slot: number, vector: number): void;
  /**
   * Fills factors and bits of a slot of a bit cell from the f32 vector; leaves the record number.
   * `work` is f32[SPACE_BIT_COUNT], a multiple of 16, for the caller to give. The space needs dimension,
   * metric, bit count, centroid and seed only.
   */
  encodeBits(space: number, vector: number, slot: number, work: number): void;
  /**
   * Turns `count` entries (u64: address of an f32 vector << 32 | node) at `entries` into walk keys, in
   * their order, by the exact distances between query and vectors. Touches all vectors first.
   */
  refineExact(walk: number, entries: number, count: number): void;
  /** After STATUS_ORIGINALS: measures the entries that it asked for, which have their addresses now. */
  refineEntries(walk: number): void;
  /** xxHash32 of `bytes` bytes, a multiple of 16. A u32 that comes as i32. */
  checksum(address: number, bytes: number, seed: number): number;
  /**
   * Compares originals at addresses from `start` to `end` of `count` such entries with the checksums behind them, which
   * are xxHash32 seeded by the node. The first that differs, or `count`.
   */
  checkOriginals(space: number, entries: number, count: number, start: number, end: number): number;
  /** Distance between what two slots hold. */
  codeDistance(space: number, left: number, right: number): number;
  /** Squared l2, 1 - cos or -dot of two f32 vectors. */
  distanceExact(metric: number, left: number, right: number, dimension: number): number;
  /** Starts an exact search for the `k` nearest to WALK_QUERY; `k` is at most the scratch's ef. */
  scanBegin(walk: number, k: number): void;
  /** Offers the living nodes of a page that pass the filter. */
  scanPage(walk: number, page: number, codeCell: number, originalCell: number): void;
  /** Leaves keys, nearest first, at WALK_RESULTS. */
  scanEnd(walk: number): void;
  /** Where to look for an upper list: this and SPACE_SINGLE_MASK. A u32 that comes as i32. */
  singleHash(layer: number, node: number): number;
  // A job of a bulk build is the address of the structure BUILD_* in layout.ts.
  /** Writes the rows of `count` nodes. */
  buildRows(job: number, ids: number, count: number, rows: number): void;
  /** The nearest leader of each node, and the second nearest unless `second` is 0. */
  buildAssign(
    job: number,
    ids: number,
    count: number,
    leaders: number,
    leaderCount: number,
    nearest: number,
    second: number,
  ): void;
  /** The steps of a leaf whose rows are at BUILD_ROWS, each for the members [from, to). */
  buildMeasure(job: number, members: number, from: number, to: number): void;
  buildChoose(job: number, members: number, from: number, to: number): void;
  buildReverse(job: number, members: number): void;
  buildMerge(job: number, ids: number, members: number, from: number, to: number): void;
  /** New lists of the nodes [from, to), of what their neighbours name too, written to `out`. */
  buildJoin(job: number, from: number, to: number, out: number): void;
  /** Adds the edges back from what the nodes [from, to) name. */
  buildBackEdges(job: number, from: number, to: number): void;
}

export interface Kernels {
  readonly memory: KernelMemory;
  readonly exports: KernelExports;
  /** What a worker thread makes its own instance from (`worker-thread.ts`). */
  readonly shared: SharedKernels;
}

/** The compiled module, and the memory that all of its instances share. Both can be sent to a thread. */
export interface SharedKernels {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

const WASM_PAGE_BYTES = 65536;
const MEMORY_BYTES_MAX = 2 ** 32;

/** Whether the bits of words are counted faster than those of vectors: see measure-bits.ts. */
const COUNTS_WORDS = process.arch === 'x64';

/** Reserves `memoryBytes`, rounded up to 64 KiB, at most 4 GiB. The system gives it when it is touched. */
export function createKernels(memoryBytes: number): Kernels {
  assert(memoryBytes > 0, 'kernel memory is not empty');
  assert(memoryBytes <= MEMORY_BYTES_MAX, 'kernel memory is at most 4 GiB');
  const pages = Math.ceil(memoryBytes / WASM_PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const module = new WebAssembly.Module(Buffer.from(KERNEL_BYTES, 'base64'));
  return instantiate({ module, memory });
}

/**
 * Another instance over the same memory, for another thread. It keeps no data of its own. `countsWords`: how bits are
 * counted; what comes out is the same.
 */
export function instantiate(shared: SharedKernels, countsWords: boolean = COUNTS_WORDS): Kernels {
  const { module, memory } = shared;
  const instance = new WebAssembly.Instance(module, {
    env: { memory, countsWords: countsWords ? 1 : 0 },
  });
  const exports = instance.exports as KernelExports;
  return { memory: viewsOf(memory.buffer, exports.heapBase()), exports, shared };
}

/** Decodes the upper half of a walk key: the distance. The lower half is the node. */
export function keyDistance(upper: number): number {
  keyBits[0] = upper & 0x80000000 ? upper ^ 0x80000000 : ~upper;
  return keyFloat[0];
}

const keyBits = new Uint32Array(1);
const keyFloat = new Float32Array(keyBits.buffer);

function viewsOf(buffer: SharedArrayBuffer, heapBase: number): KernelMemory {
  return {
    buffer,
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f32: new Float32Array(buffer),
    heapBase: (heapBase + 15) & ~15,
  };
}
