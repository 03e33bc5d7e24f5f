/**
 * Skiplists in an arena of words: what a node holds, and the ways through a list. Heads have no fields, only links,
 * so that they may overlap; who writes, and in which order, is told in `memtable.ts`.
 */
import type { EntryKind } from './entry.ts';

/** Fields of a node, in words from its start. */
export const KEY_HI = 0;
export const KEY_LO = 1;
export const SEQUENCE_LOW = 2;
/** Sequence bits 32 to 52, then five bits of height, then three of kind. */
export const META = 3;
export const VALUE_POSITION = 4;
export const VALUE_LENGTH = 5;
export const NEXT = 6;

export const HEIGHT_MAX = 12;

export function keyHi(words: Uint32Array, node: number): number {
  return words[node + KEY_HI];
}

export function keyLo(words: Uint32Array, node: number): number {
  return words[node + KEY_LO];
}

export function sequenceOf(words: Uint32Array, node: number): number {
  return (words[node + META] >>> 8) * 2 ** 32 + words[node + SEQUENCE_LOW];
}

export function kindOf(words: Uint32Array, node: number): EntryKind {
  return (words[node + META] & 7) as EntryKind;
}

/** The node behind `node` (or behind a head), 0 at the end. */
export function nextNode(words: Uint32Array, node: number): number {
  return words[node + NEXT];
}

export function valueStart(words: Uint32Array, node: number): number {
  return words[node + VALUE_POSITION];
}

export function valueLength(words: Uint32Array, node: number): number {
  return words[node + VALUE_LENGTH];
}

/** The first node of a key behind (hi, lo), or of that key at or below `sequence`; 0 when there is none. */
export function seekNode(
  words: Uint32Array,
  listHead: number,
  hi: number,
  lo: number,
  sequence: number,
): number {
  let node = listHead;
  let level = HEIGHT_MAX - 1;
  let bound = 0;
  for (;;) {
    const next = words[node + NEXT + level];
    if (next !== bound && next !== 0) {
      const nextHi = words[next + KEY_HI];
      const nextLo = words[next + KEY_LO];
      if (
        nextHi < hi ||
        (nextHi === hi && (nextLo < lo || (nextLo === lo && sequenceOf(words, next) > sequence)))
      ) {
        node = next;
        continue;
      }
    }
    if (level === 0) return next;
    // What stopped this level stops the next one too: not compared again.
    bound = next;
    level--;
  }
}

/**
 * The last node of a key before (hi, lo), or of that key above `sequence`; 0 when there is none. The list
 * is linked one way, so a step back costs a search.
 */
export function seekNodeBefore(
  words: Uint32Array,
  listHead: number,
  hi: number,
  lo: number,
  sequence: number,
): number {
  let node = listHead;
  let bound = 0;
  for (let level = HEIGHT_MAX - 1; level >= 0; level--) {
    let next = words[node + NEXT + level];
    while (next !== bound && next !== 0) {
      const nextHi = words[next + KEY_HI];
      const nextLo = words[next + KEY_LO];
      const isBefore =
        nextHi < hi ||
        (nextHi === hi && (nextLo < lo || (nextLo === lo && sequenceOf(words, next) > sequence)));
      if (!isBefore) break;
      node = next;
      next = words[node + NEXT + level];
    }
    bound = next;
  }
  return node === listHead ? 0 : node;
}

/** The last node of a list; 0 when it is empty. */
export function lastNode(words: Uint32Array, listHead: number): number {
  let node = listHead;
  for (let level = HEIGHT_MAX - 1; level >= 0; level--) {
    for (let next = words[node + NEXT + level]; next !== 0; next = words[node + NEXT + level]) {
      node = next;
    }
  }
  return node === listHead ? 0 : node;
}

/** Fills `splices` with the last node before every version of the key, level by level. */
export function descend(
  words: Uint32Array,
  listHead: number,
  hi: number,
  lo: number,
  splices: Uint32Array,
  splice: number,
): void {
  let node = listHead;
  let bound = 0;
  for (let level = HEIGHT_MAX - 1; level >= 0; level--) {
    let next = words[node + NEXT + level];
    while (next !== bound && next !== 0) {
      const nextHi = words[next + KEY_HI];
      if (nextHi > hi || (nextHi === hi && words[next + KEY_LO] >= lo)) break;
      node = next;
      next = words[node + NEXT + level];
    }
    bound = next;
    splices[splice + level] = node;
  }
}

/** From `node`, which is before the key, to the last node of that level before the key. */
export function advance(
  words: Uint32Array,
  node: number,
  level: number,
  hi: number,
  lo: number,
): number {
  for (;;) {
    const next = words[node + NEXT + level];
    if (next === 0) return node;
    const nextHi = words[next + KEY_HI];
    if (nextHi > hi || (nextHi === hi && words[next + KEY_LO] >= lo)) return node;
    node = next;
  }
}

/** Whether the key belongs right behind `node`. Nodes below `first` are heads, before every key. */
export function isRightBehind(
  words: Uint32Array,
  node: number,
  hi: number,
  lo: number,
  first: number,
): boolean {
  if (node >= first && !isBefore(words, node, hi, lo)) return false;
  const next = words[node + NEXT];
  return next === 0 || !isBefore(words, next, hi, lo);
}

function isBefore(words: Uint32Array, node: number, hi: number, lo: number): boolean {
  const nodeHi = words[node + KEY_HI];
  return nodeHi < hi || (nodeHi === hi && words[node + KEY_LO] < lo);
}
