/**
 * One leaf of a bulk build: all distances between its members, the nearest of each pruned by the diversity
 * rule (`prune.ts`), the edges turned round too, and all that merged into the members' lists. Every step is
 * called for a range of members, so that callers can stop between. Only lists of members are written: leaves
 * without a common member can be built at the same time.
 */
import {
  BUILD_CANDIDATES,
  BUILD_CANDIDATES_MAX,
  BUILD_DISTANCES,
  BUILD_FACTOR,
  BUILD_KEPT_MAX,
  BUILD_NEAREST,
  BUILD_ROW_STRIDE,
  BUILD_ROWS,
  BUILD_SPACE,
  BUILD_WORK,
  SPACE_DIMENSION,
} from '../layout';
import {
  fourRowDistances,
  isSameRow,
  measureOf,
  paddedDimension,
  rowDistance,
} from './build-rows';
import { distanceOf, keyOf, nodeOf } from './key';

@inline
export function candidatesAt(job: u32, member: u32): u32 {
  const stride = 8 + (load<u32>(job, BUILD_CANDIDATES_MAX) << 3);
  return load<u32>(job, BUILD_CANDIDATES) + member * stride;
}

/** Distances of the members [from, to) to those behind them, written to both halves of the matrix. */
export function buildMeasure(job: u32, members: u32, from: u32, to: u32): void {
  const space = load<u32>(job, BUILD_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const measure = measureOf(space);
  const padded = paddedDimension(dimension);
  const n = <f32>dimension;
  const stride = load<u32>(job, BUILD_ROW_STRIDE);
  const rows = load<u32>(job, BUILD_ROWS);
  const matrix = load<u32>(job, BUILD_DISTANCES);
  const line = members << 2;
  for (let i = from; i < to; i++) {
    const row = rows + i * stride;
    const across = matrix + i * line;
    const down = matrix + (i << 2);
    store<f32>(across + (i << 2), Infinity);
    let j = i + 1;
    for (; j + 3 < members; j += 4) {
      const other = rows + j * stride;
      const distances = fourRowDistances(row, other, stride, padded, n, measure);
      v128.store(across + (j << 2), distances);
      store<f32>(down + j * line, f32x4.extract_lane(distances, 0));
      store<f32>(down + (j + 1) * line, f32x4.extract_lane(distances, 1));
      store<f32>(down + (j + 2) * line, f32x4.extract_lane(distances, 2));
      store<f32>(down + (j + 3) * line, f32x4.extract_lane(distances, 3));
    }
    for (; j < members; j++) {
      const distance = rowDistance(row, rows + j * stride, padded, n, measure);
      store<f32>(across + (j << 2), distance);
      store<f32>(down + j * line, distance);
    }
  }
}

/** The candidates of the members [from, to): their nearest, by (distance, position), that no other crowds out. */
export function buildChoose(job: u32, members: u32, from: u32, to: u32): void {
  for (let member = from; member < to; member++) {
    const count = findNearest(job, members, member);
    pruneNearest(job, members, member, count);
  }
}

/** Sorts the nearest members into BUILD_WORK; returns how many. */
function findNearest(job: u32, members: u32, member: u32): u32 {
  const line = load<u32>(job, BUILD_DISTANCES) + member * (members << 2);
  const nearest = load<u32>(job, BUILD_WORK);
  const most = min(load<u32>(job, BUILD_NEAREST), members - 1);
  let count: u32 = 0;
  let worst: f32 = Infinity;
  for (let j: u32 = 0; j < members; j++) {
    const distance = load<f32>(line + (j << 2));
    if (!(distance < worst) || j == member) continue;
    const key = keyOf(distance, j);
    let at = count < most ? count++ : most - 1;
    while (at > 0 && load<u64>(nearest + ((at - 1) << 3)) > key) {
      store<u64>(nearest + (at << 3), load<u64>(nearest + ((at - 1) << 3)));
      at--;
    }
    store<u64>(nearest + (at << 3), key);
    if (count == most) worst = distanceOf(load<u64>(nearest + ((most - 1) << 3)));
  }
  return count;
}

function pruneNearest(job: u32, members: u32, member: u32, count: u32): void {
  const nearest = load<u32>(job, BUILD_WORK);
  const factor = load<f32>(job, BUILD_FACTOR);
  const matrix = load<u32>(job, BUILD_DISTANCES);
  const rows = load<u32>(job, BUILD_ROWS);
  const stride = load<u32>(job, BUILD_ROW_STRIDE);
  const space = load<u32>(job, BUILD_SPACE);
  const measure = measureOf(space);
  const padded = paddedDimension(load<u32>(space, SPACE_DIMENSION));
  const own = candidatesAt(job, member);
  const kept = own + 8;
  const most = load<u32>(job, BUILD_KEPT_MAX);
  let chosen: u32 = 0;
  for (let i: u32 = 0; i < count && chosen < most; i++) {
    const key = load<u64>(nearest + (i << 3));
    const distance = distanceOf(key);
    const j = nodeOf(key);
    const line = matrix + j * (members << 2);
    let isCrowded = false;
    for (let e: u32 = 0; e < chosen && !isCrowded; e++) {
      const other = nodeOf(load<u64>(kept + (e << 3)));
      isCrowded = factor * load<f32>(line + (other << 2)) < distance
        || isSameRow(rows + j * stride, rows + other * stride, padded, measure);
    }
    if (!isCrowded) store<u64>(kept + (chosen++ << 3), key);
  }
  store<u32>(own, chosen);
  store<u32>(own, chosen, 4);
}

/** Offers every member to those that it chose, as far as there is room. */
export function buildReverse(job: u32, members: u32): void {
  const most = load<u32>(job, BUILD_CANDIDATES_MAX);
  for (let member: u32 = 0; member < members; member++) {
    const own = candidatesAt(job, member);
    const chosen = load<u32>(own, 4);
    for (let i: u32 = 0; i < chosen; i++) {
      const key = load<u64>(own + 8 + (i << 3));
      const target = candidatesAt(job, nodeOf(key));
      const count = load<u32>(target);
      if (count == most) continue;
      store<u64>(target + 8 + (count << 3), (key & 0xffffffff00000000) | <u64>member);
      store<u32>(target, count + 1);
    }
  }
}
