/**
 * The states of the slots of one page: free, live, or ghost with the sequence of its deletion. Written
 * in the same commit as what they describe, so a checkpoint need not write them again.
 *
 * States entry, little-endian, unaligned; a mask has one bit a slot, lowest first, ceil(slots / 8) bytes:
 *
 *   used mask                 1: live or ghost
 *   live mask                 a subset of the used mask
 *   u32 low, u32 high         the deletion sequence of each ghost, by slot ascending
 */
import { assert } from '../base/assert.ts';
import { CorruptionError } from '../errors.ts';

const SEQUENCE_SIZE = 8;

export class SlotStates {
  /** One bit a slot, as in the masks of a code cell. */
  readonly used: Uint32Array;
  readonly live: Uint32Array;
  /** Deletion sequence by slot. */
  readonly ghosts: Map<number, number> = new Map();

  /** All slots free. */
  constructor(maskWords: number) {
    this.used = new Uint32Array(maskWords);
    this.live = new Uint32Array(maskWords);
  }

  isUsed(slot: number): boolean {
    return hasBit(this.used, slot);
  }

  isLive(slot: number): boolean {
    return hasBit(this.live, slot);
  }

  /** The lowest free slot of `slots`, or -1. */
  freeSlot(slots: number): number {
    for (let word = 0; word < this.used.length; word++) {
      const free = ~this.used[word];
      if (free === 0) continue;
      const slot = word * 32 + 31 - Math.clz32(free & -free);
      return slot < slots ? slot : -1;
    }
    return -1;
  }

  /** Takes a free slot; it is neither live nor a ghost until `setLive`. */
  reserve(slot: number): void {
    assert(!this.isUsed(slot), 'a reserved slot was free');
    this.used[slot >>> 5] |= 1 << (slot & 31);
  }

  setLive(slot: number): void {
    assert(this.isUsed(slot), 'a living slot was reserved');
    assert(!this.ghosts.has(slot), 'a ghost does not come back to life');
    this.live[slot >>> 5] |= 1 << (slot & 31);
  }

  setGhost(slot: number, sequence: number): void {
    assert(this.isLive(slot), 'only a living slot becomes a ghost');
    this.live[slot >>> 5] &= ~(1 << (slot & 31));
    this.ghosts.set(slot, sequence);
  }

  /** A ghost's slot can be given again. */
  setFree(slot: number): void {
    assert(this.ghosts.delete(slot), 'only the slot of a ghost becomes free');
    this.used[slot >>> 5] &= ~(1 << (slot & 31));
  }
}

/** How many bits of a mask, or of some words of it, are set. */
export function countBits(words: Uint32Array, from = 0, to: number = words.length): number {
  let count = 0;
  for (let i = from; i < to; i++) {
    let word = words[i];
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}

export function hasBit(words: Uint32Array, bit: number): boolean {
  return ((words[bit >>> 5] >>> (bit & 31)) & 1) === 1;
}

/** Every used slot must be live or a ghost. */
export function encodeStates(states: SlotStates, slots: number): Uint8Array {
  const maskBytes = Math.ceil(slots / 8);
  const bytes = new Uint8Array(2 * maskBytes + SEQUENCE_SIZE * states.ghosts.size);
  const view = new DataView(bytes.buffer);
  let position = 2 * maskBytes;
  for (let i = 0; i < maskBytes; i++) {
    bytes[i] = states.used[i >>> 2] >>> (8 * (i & 3));
    bytes[maskBytes + i] = states.live[i >>> 2] >>> (8 * (i & 3));
  }
  for (let slot = 0; slot < slots; slot++) {
    if (!states.isUsed(slot) || states.isLive(slot)) continue;
    const sequence = states.ghosts.get(slot);
    assert(sequence !== undefined, 'a used slot is live or a ghost');
    view.setUint32(position, sequence % 2 ** 32, true);
    view.setUint32(position + 4, Math.floor(sequence / 2 ** 32), true);
    position += SEQUENCE_SIZE;
  }
  assert(position === bytes.length, 'every ghost is a used slot that is not live');
  return bytes;
}

/** `file` only names the place in an error. */
export function decodeStates(bytes: Uint8Array, slots: number, file: string): SlotStates {
  const maskBytes = Math.ceil(slots / 8);
  if (bytes.length < 2 * maskBytes) throw damaged('slot states end early', file);
  const states = new SlotStates(Math.ceil(slots / 32));
  for (let i = 0; i < maskBytes; i++) {
    states.used[i >>> 2] |= bytes[i] << (8 * (i & 3));
    states.live[i >>> 2] |= bytes[maskBytes + i] << (8 * (i & 3));
  }
  for (let word = 0; word < states.used.length; word++) {
    if ((states.live[word] & ~states.used[word]) !== 0) {
      throw damaged('a free slot is marked live', file);
    }
  }
  const tail = slots & 31;
  if (tail !== 0 && states.used[slots >>> 5] >>> tail !== 0) {
    throw damaged('slot states name a slot beyond the page', file);
  }
  const ghosts = countBits(states.used) - countBits(states.live);
  if (bytes.length !== 2 * maskBytes + SEQUENCE_SIZE * ghosts) {
    throw damaged('slot states have another length than their ghosts', file);
  }
  if (ghosts > 0) readSequences(states, bytes, 2 * maskBytes, slots, file);
  return states;
}

function readSequences(
  states: SlotStates,
  bytes: Uint8Array,
  start: number,
  slots: number,
  file: string,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = start;
  for (let slot = 0; slot < slots; slot++) {
    if (!states.isUsed(slot) || states.isLive(slot)) continue;
    const high = view.getUint32(position + 4, true);
    if (high >= 2 ** 21) throw damaged('a deletion sequence is beyond 2^53', file);
    states.ghosts.set(slot, high * 2 ** 32 + view.getUint32(position, true));
    position += SEQUENCE_SIZE;
  }
}

function damaged(what: string, file: string): CorruptionError {
  return new CorruptionError(what, { file, offset: 0 });
}
