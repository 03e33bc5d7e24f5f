/**
 * Codes brought together for neighbour selection. They are copies: what has been gathered stays,
 * whatever is evicted while a call waits for the rest.
 *
 * A gathered code is made for the comparison of codes with each other:
 *
 *    0  u32   sum of the bytes; AWAITED: the code is not there yet
 *    4  u32   1 when the node was a ghost, else 0
 *    8  f64   scale
 *   16  f64   mean
 *   24  f64   spread
 *   32  u8[]  the code, padded with zeros to a multiple of 32
 *
 * Of a space without codes it is the vector, f32[], with its squares in the place of the scale; the other factors are 0.
 */
import {
  NEED_CODES,
  SLOT_CODE,
  SLOT_MEAN,
  SLOT_SCALE,
  SLOT_SQUARES,
  SPACE_DIMENSION,
  WALK_SPACE,
} from '../layout';
import { codeSum, dotPadded } from './dot';
import { distanceBetween } from './exact';
import {
  GATHER,
  GATHER_COUNT,
  GATHER_KEYS,
  GATHER_NODES,
  GATHERED_CODE,
  gatherStride,
  need,
} from './scratch';
import {
  codeCellOf,
  holdsVectors,
  isLive,
  pageOf,
  slotCodeBytes,
  slotInCell,
  slotOf,
} from './space';
import { combine, spreadOf } from './sq8';

const AWAITED: u32 = 0xffffffff;
const GHOST: u32 = 4;
const SCALE: u32 = 8;
const MEAN: u32 = 16;
const SPREAD: u32 = 24;

@inline
function gatheredAt(walk: u32, position: u32): u32 {
  return load<u32>(walk, GATHER) + position * gatherStride(load<u32>(walk, WALK_SPACE));
}

@inline
export function keyAt(walk: u32, position: u32): u32 {
  return load<u32>(walk, GATHER_KEYS) + (position << 3);
}

@inline
export function nodeAt(walk: u32, position: u32): u32 {
  return load<u32>(walk, GATHER_NODES) + (position << 2);
}

/** Asks for the code of a node; `fetchGathered` brings it. */
export function addGathered(walk: u32, node: u32, key: u64): void {
  const position = load<u32>(walk, GATHER_COUNT);
  store<u32>(nodeAt(walk, position), node);
  store<u64>(keyAt(walk, position), key);
  store<u32>(gatheredAt(walk, position), AWAITED);
  store<u32>(walk, position + 1, GATHER_COUNT);
}

/** Copies the codes that are in memory; asks for the others, and is false when there are any. */
export function fetchGathered(walk: u32): bool {
  const space = load<u32>(walk, WALK_SPACE);
  const count = load<u32>(walk, GATHER_COUNT);
  let isComplete = true;
  for (let i: u32 = 0; i < count; i++) {
    const gathered = gatheredAt(walk, i);
    if (load<u32>(gathered) != AWAITED) continue;
    const node = load<u32>(nodeAt(walk, i));
    const page = pageOf(space, node);
    const cell = codeCellOf(space, page);
    if (cell == 0) {
      need(walk, NEED_CODES, page);
      isComplete = false;
      continue;
    }
    const number = slotOf(space, node, page);
    copyCode(space, slotInCell(space, cell, number), gathered);
    store<u32>(gathered + GHOST, isLive(cell, number) ? 0 : 1);
  }
  return isComplete;
}

function copyCode(space: u32, slot: u32, gathered: u32): void {
  const bytes = slotCodeBytes(space);
  const code = gathered + GATHERED_CODE;
  if (holdsVectors(space)) writeFactors(gathered, 0, <f64>load<f32>(slot, SLOT_SQUARES), 0, 0);
  else codeFactors(space, slot, gathered);
  memory.copy(code, slot + SLOT_CODE, bytes);
  memory.fill(code + bytes, 0, gatherStride(space) - GATHERED_CODE - bytes);
}

@inline
function codeFactors(space: u32, slot: u32, gathered: u32): void {
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const sum = codeSum(slot + SLOT_CODE, dimension);
  const scale = <f64>load<f32>(slot, SLOT_SCALE);
  const spread = spreadOf(slot, scale, <f64>sum, dimension);
  writeFactors(gathered, sum, scale, <f64>load<f32>(slot, SLOT_MEAN), spread);
}

@inline
function writeFactors(gathered: u32, sum: u32, scale: f64, mean: f64, spread: f64): void {
  store<u32>(gathered, sum);
  store<f64>(gathered + SCALE, scale);
  store<f64>(gathered + MEAN, mean);
  store<f64>(gathered + SPREAD, spread);
}

/** Distance between two gathered codes. */
export function gatheredDistance(walk: u32, left: u32, right: u32, metric: u32): f32 {
  const space = load<u32>(walk, WALK_SPACE);
  const a = gatheredAt(walk, left);
  const b = gatheredAt(walk, right);
  if (holdsVectors(space)) {
    return distanceBetween(
      metric,
      a + GATHERED_CODE,
      <f32>load<f64>(a + SCALE),
      b + GATHERED_CODE,
      <f32>load<f64>(b + SCALE),
      load<u32>(space, SPACE_DIMENSION),
    );
  }
  const n = <f64>load<u32>(space, SPACE_DIMENSION);
  const bytes = gatherStride(space) - GATHERED_CODE;
  const product = <f64>dotPadded(a + GATHERED_CODE, b + GATHERED_CODE, bytes);
  const sums = <f64>load<u32>(a) * <f64>load<u32>(b);
  return combine(
    metric,
    n,
    load<f64>(a + MEAN),
    load<f64>(b + MEAN),
    load<f64>(a + SPREAD) + load<f64>(b + SPREAD),
    load<f64>(a + SCALE) * load<f64>(b + SCALE) * (product - sums / n),
  );
}

/** Whether two gathered codes are the same to the last bit. The factors are compared first. */
export function isDuplicate(walk: u32, left: u32, right: u32): bool {
  const a = gatheredAt(walk, left);
  const b = gatheredAt(walk, right);
  if (load<u32>(a) != load<u32>(b)) return false;
  if (load<f64>(a + SCALE) != load<f64>(b + SCALE)) return false;
  if (load<f64>(a + MEAN) != load<f64>(b + MEAN)) return false;
  const bytes = gatherStride(load<u32>(walk, WALK_SPACE)) - GATHERED_CODE;
  return memory.compare(a + GATHERED_CODE, b + GATHERED_CODE, bytes) == 0;
}

@inline
export function isGhost(walk: u32, position: u32): bool {
  return load<u32>(gatheredAt(walk, position) + GHOST) != 0;
}

/** Moves a gathered code to an earlier position. */
export function moveGathered(walk: u32, from: u32, to: u32): void {
  if (from == to) return;
  const bytes = gatherStride(load<u32>(walk, WALK_SPACE));
  memory.copy(gatheredAt(walk, to), gatheredAt(walk, from), bytes);
  store<u32>(nodeAt(walk, to), load<u32>(nodeAt(walk, from)));
  store<u64>(keyAt(walk, to), load<u64>(keyAt(walk, from)));
}
