/**
 * A split-block Bloom filter over u64 keys (Putze, Sanders, Singler, "Cache-, hash- and space-efficient
 * Bloom filters"; the variant of Apache Parquet): each key sets one bit in each of the eight words of one
 * 32-byte block, so a probe touches one cache line. At 10 bits a key about 1 % of absent keys pass.
 *
 * Stored as the words alone; the number of blocks follows from the length.
 */
import { assert } from '../base/assert.ts';

const WORDS_PER_BLOCK = 8;
const BITS_PER_BLOCK = 256;
const TWO_32 = 2 ** 32;

/** Words for `keyCount` keys: whole blocks, at least one. */
export function filterWordCount(keyCount: number, bitsPerKey: number): number {
  assert(bitsPerKey > 0, 'a filter has bits');
  const blocks = Math.max(1, Math.ceil((keyCount * bitsPerKey) / BITS_PER_BLOCK));
  return blocks * WORDS_PER_BLOCK;
}

/** Adds a key to `words`, whose length is a positive multiple of 8. */
export function addToFilter(words: Uint32Array, hi: number, lo: number): void {
  const hash = blockHash(hi, lo);
  const bits = bitHash(hi, lo);
  const word = wordOf(hash, words.length);
  words[word] |= 1 << (Math.imul(bits, 0x47b6137b) >>> 27);
  words[word + 1] |= 1 << (Math.imul(bits, 0x44974d91) >>> 27);
  words[word + 2] |= 1 << (Math.imul(bits, 0x8824ad5b) >>> 27);
  words[word + 3] |= 1 << (Math.imul(bits, 0xa2b7289d) >>> 27);
  words[word + 4] |= 1 << (Math.imul(bits, 0x705495c7) >>> 27);
  words[word + 5] |= 1 << (Math.imul(bits, 0x2df1424b) >>> 27);
  words[word + 6] |= 1 << (Math.imul(bits, 0x9efc4947) >>> 27);
  words[word + 7] |= 1 << (Math.imul(bits, 0x5c6bfb31) >>> 27);
}

/** False: the key was never added. */
export function mayContain(words: Uint32Array, hi: number, lo: number): boolean {
  const hash = blockHash(hi, lo);
  const bits = bitHash(hi, lo);
  const word = wordOf(hash, words.length);
  return (
    ((words[word] >>> (Math.imul(bits, 0x47b6137b) >>> 27)) & 1) !== 0 &&
    ((words[word + 1] >>> (Math.imul(bits, 0x44974d91) >>> 27)) & 1) !== 0 &&
    ((words[word + 2] >>> (Math.imul(bits, 0x8824ad5b) >>> 27)) & 1) !== 0 &&
    ((words[word + 3] >>> (Math.imul(bits, 0xa2b7289d) >>> 27)) & 1) !== 0 &&
    ((words[word + 4] >>> (Math.imul(bits, 0x705495c7) >>> 27)) & 1) !== 0 &&
    ((words[word + 5] >>> (Math.imul(bits, 0x2df1424b) >>> 27)) & 1) !== 0 &&
    ((words[word + 6] >>> (Math.imul(bits, 0x9efc4947) >>> 27)) & 1) !== 0 &&
    ((words[word + 7] >>> (Math.imul(bits, 0x5c6bfb31) >>> 27)) & 1) !== 0
  );
}

/** Maps a hash to the first word of a block without a division by a variable modulus. */
function wordOf(hash: number, wordCount: number): number {
  const blocks = wordCount >>> 3;
  return Math.floor(((hash >>> 0) * blocks) / TWO_32) * WORDS_PER_BLOCK;
}

// Two hashes of the key that share no bits: each is a finaliser of murmur3 over a different mix.

function blockHash(hi: number, lo: number): number {
  return finish(Math.imul(hi ^ 0x9e3779b9, 0x85ebca6b) ^ lo);
}

function bitHash(hi: number, lo: number): number {
  return finish(Math.imul(lo ^ 0x7feb352d, 0xc2b2ae35) + hi);
}

function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
