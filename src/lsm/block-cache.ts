/**
 * Blocks of open tables, in fixed frames, evicted by CLOCK.
 *
 * Frames lie in segments, each one buffer that is reserved when first needed. A block takes as many
 * neighbouring frames as it needs, within a segment; one that is larger than a segment is not cached. The
 * hand moves over frames, passes blocks that are pinned or were used since it last came by, and evicts
 * what stands in the first window that is wide enough.
 *
 * Each table has its own array of blocks (`BlockOwner`), which is where a reader looks: a hit costs one
 * array read, and the key (file, offset) is the array and the index. Eviction empties the owner's slot.
 *
 * Memory that is held outside of the frames (indexes, filters, what else shares the budget) is charged and
 * makes fewer segments. `Block`s of evicted frames are used again, so that a read leaves little garbage.
 */
import { assert } from '../base/assert.ts';
import { MIB } from '../base/units.ts';
import { allocateBlock, Block } from './block.ts';
import type { SeededBugs } from './seeded-bugs.ts';

export interface BlockCacheOptions {
  /** Budget for frames and charges together, in bytes. One segment is kept whatever is charged. */
  readonly bytes: number;
  /** Bytes of one frame; blocks that are a little smaller than it waste least. Default: 4096. */
  readonly frameBytes?: number | undefined;
  readonly seededBugs?: SeededBugs | undefined;
}

export interface BlockCacheStats {
  readonly hits: number;
  readonly misses: number;
  /** Bytes of frames in use. */
  readonly usedBytes: number;
  /** Bytes of frames reserved, used or not. */
  readonly reservedBytes: number;
  /** Of the buffer that stored blocks are read into. */
  readonly scratchBytes: number;
  /** Bytes charged, the scratch aside. */
  readonly chargedBytes: number;
}

/** A table's cached blocks, by block number. */
export interface BlockOwner {
  readonly blocks: (Block | undefined)[];
}

const FRAMES_PER_SEGMENT = 64;
const defaultFrameBytes = 4096;
/** Longer reads, which are rare, get memory of their own. */
export const scratchBytesMax: number = MIB;

/** One buffer of frames. */
interface Segment {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  /** The tenant that covers each frame. */
  readonly tenants: (Tenant | undefined)[];
}

/** A cached block, where it lies, and whose it is. */
class Tenant extends Block {
  segment: Segment;
  frame = 0;
  frameCount = 0;
  owner: BlockOwner = NOBODY;
  index = 0;

  constructor(segment: Segment) {
    super(segment.u8, segment.u32, 0);
    this.segment = segment;
  }
}

const NOBODY: BlockOwner = { blocks: [] };
/** Evicted blocks that are kept for the next ones. */
const SPARE_MAX = 64;
/** Views of the scratch that are kept, by the low bits of their length. */
const VIEWS = 64;
const FIRST_SCRATCH_BYTES = 8192;

/** What a cache of blocks of that size takes at least. */
export function leastCacheBytes(blockBytes: number): number {
  return FRAMES_PER_SEGMENT * Math.ceil(blockBytes / 8) * 8 + FIRST_SCRATCH_BYTES;
}

export class BlockCache {
  /** Counted by readers, which find their blocks without a call. */
  hits = 0;
  misses = 0;
  readonly #bytes: number;
  readonly #frameBytes: number;
  readonly #forgetsSlots: boolean;
  #segments: Segment[] = [];
  #segmentsMax: number;
  #chargedBytes = 0;
  #usedFrames = 0;
  #scratch = new Uint8Array(0);
  #views: (Uint8Array | undefined)[] = [];
  #spare: Tenant[] = [];
  /** The hand: a segment, and a frame in it where a tenant starts or none is. */
  #segment = 0;
  #frame = 0;

  constructor(options: BlockCacheOptions) {
    const { bytes, frameBytes = defaultFrameBytes, seededBugs } = options;
    assert(frameBytes > 0 && frameBytes % 8 === 0, 'frames are aligned to 8');
    this.#bytes = bytes;
    this.#frameBytes = frameBytes;
    this.#forgetsSlots = seededBugs?.has('an evicted block stays with its table') ?? false;
    this.#segmentsMax = this.#segmentsFor(this.#scratch.length);
  }

  stats(): BlockCacheStats {
    return {
      hits: this.hits,
      misses: this.misses,
      usedBytes: this.#usedFrames * this.#frameBytes,
      reservedBytes: this.#segments.length * FRAMES_PER_SEGMENT * this.#frameBytes,
      scratchBytes: this.#scratch.length,
      chargedBytes: this.#chargedBytes,
    };
  }

  /** What is kept whatever is charged. */
  get leastBytes(): number {
    const scratchBytes = Math.max(this.#scratch.length, FIRST_SCRATCH_BYTES);
    return FRAMES_PER_SEGMENT * this.#frameBytes + scratchBytes;
  }

  /**
   * By how much charges leave the cache less than its least; then those who can should give something back.
   * Half of a tiny budget may be charged all the same.
   */
  get excessBytes(): number {
    const room = Math.max(this.#bytes - this.leastBytes, this.#bytes / 2);
    return this.#chargedBytes - room;
  }

  /** Counts memory held elsewhere against the budget; a negative number gives it back. */
  charge(bytes: number): void {
    this.#chargedBytes += bytes;
    assert(this.#chargedBytes >= 0, 'no more is given back than was charged');
    this.#fit();
  }

  #fit(): void {
    this.#segmentsMax = this.#segmentsFor(this.#chargedBytes + this.#scratch.length);
    while (this.#segments.length > this.#segmentsMax) this.#dropSegment();
  }

  /**
   * Memory for a block of `length` bytes. When `isCached`, the caller puts it into the owner's slot once
   * its bytes are there; else no room could be made and it is the caller's alone.
   */
  allocate(length: number, owner: BlockOwner, index: number): Block {
    const frameCount = Math.ceil(length / this.#frameBytes);
    const isFound = frameCount <= FRAMES_PER_SEGMENT && this.#findRoom(frameCount);
    if (!isFound) return allocateBlock(length);
    const segment = this.#segments[this.#segment];
    const frame = this.#frame;
    for (let i = frame; i < frame + frameCount; i++) this.#evict(segment.tenants[i]);
    const block = this.#newTenant(segment, frame, frameCount);
    block.owner = owner;
    block.index = index;
    for (let i = frame; i < frame + frameCount; i++) segment.tenants[i] = block;
    this.#usedFrames += frameCount;
    this.#frame += frameCount;
    return block;
  }

  /**
   * Drops all blocks of an owner. Frames of pinned ones are given again only once nobody pins them. Costs
   * what the owner has, not what the cache has.
   */
  forget(owner: BlockOwner): void {
    const { blocks } = owner;
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i];
      blocks[i] = undefined;
      if (block instanceof Tenant && block.pins === 0) this.#evict(block);
    }
  }

  /** The start of a buffer to read stored blocks into, aligned to 8, good until the next call for more. */
  scratch(length: number): Uint8Array {
    if (length > scratchBytesMax) return new Uint8Array(length);
    if (this.#scratch.length < length) {
      const bytes = Math.max(2 * length, FIRST_SCRATCH_BYTES);
      this.#scratch = new Uint8Array(Math.min(bytes, scratchBytesMax));
      this.#views = [];
      this.#fit();
    }
    // Blocks are of few lengths, and a view is garbage of a hundred bytes.
    const kept = this.#views[length % VIEWS];
    if (kept !== undefined && kept.length === length) return kept;
    const view = this.#scratch.subarray(0, length);
    this.#views[length % VIEWS] = view;
    return view;
  }

  #segmentsFor(charged: number): number {
    const segmentBytes = FRAMES_PER_SEGMENT * this.#frameBytes;
    return Math.max(1, Math.floor((this.#bytes - charged) / segmentBytes));
  }

  /** Moves the hand to `frameCount` frames that may be taken. False when too much is pinned. */
  #findRoom(frameCount: number): boolean {
    // Two turns: the first may only clear reference bits.
    let turns = 0;
    while (turns < 3) {
      if (this.#segment >= this.#segments.length) {
        if (this.#segments.length < this.#segmentsMax) this.#segments.push(this.#makeSegment());
        else this.#segment = 0;
        this.#frame = 0;
        turns++;
      }
      const { tenants } = this.#segments[this.#segment];
      const next = findWindow(tenants, this.#frame, frameCount);
      if (next >= 0) {
        this.#frame = next;
        return true;
      }
      this.#segment++;
      this.#frame = 0;
    }
    return false;
  }

  #makeSegment(): Segment {
    const buffer = new ArrayBuffer(FRAMES_PER_SEGMENT * this.#frameBytes);
    return {
      u8: new Uint8Array(buffer),
      u32: new Uint32Array(buffer),
      tenants: new Array<Tenant | undefined>(FRAMES_PER_SEGMENT).fill(undefined),
    };
  }

  /** Users of its pinned blocks keep the buffer alive; nobody is given its frames again. */
  #dropSegment(): void {
    const segment = this.#segments.pop()!;
    for (const tenant of segment.tenants) this.#evict(tenant);
    this.#spare = []; // They would keep its buffer.
    if (this.#segment >= this.#segments.length) {
      this.#segment = 0;
      this.#frame = 0;
    }
  }

  #newTenant(segment: Segment, frame: number, frameCount: number): Tenant {
    const tenant = this.#spare.pop() ?? new Tenant(segment);
    tenant.u8 = segment.u8;
    tenant.u32 = segment.u32;
    tenant.start = frame * this.#frameBytes;
    tenant.isCached = true;
    tenant.isReferenced = false;
    tenant.segment = segment;
    tenant.frame = frame;
    tenant.frameCount = frameCount;
    return tenant;
  }

  #evict(tenant: Tenant | undefined): void {
    if (tenant === undefined) return;
    const { frame, frameCount, owner, index, segment } = tenant;
    if (segment.tenants[frame] !== tenant) return;
    for (let i = frame; i < frame + frameCount; i++) segment.tenants[i] = undefined;
    this.#usedFrames -= frameCount;
    if (this.#forgetsSlots) return;
    if (owner.blocks[index] === tenant) owner.blocks[index] = undefined;
    tenant.owner = NOBODY;
    if (tenant.pins === 0 && this.#spare.length < SPARE_MAX) this.#spare.push(tenant);
  }
}

/**
 * From `frame` on, the first of `frameCount` frames without a tenant that is pinned or was used lately, or
 * -1. Takes the reference from the tenants that it passes.
 */
function findWindow(
  tenants: readonly (Tenant | undefined)[],
  frame: number,
  frameCount: number,
): number {
  let start = frame;
  let position = frame;
  while (position < start + frameCount) {
    if (start + frameCount > FRAMES_PER_SEGMENT) return -1;
    const tenant = tenants[position];
    if (tenant === undefined) {
      position++;
      continue;
    }
    const end = tenant.frame + tenant.frameCount;
    if (tenant.pins > 0 || tenant.isReferenced) {
      tenant.isReferenced = false;
      start = end;
    }
    position = end;
  }
  return start;
}
