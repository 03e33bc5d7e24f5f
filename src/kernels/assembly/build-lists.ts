/**
 * The lists of a bulk build: new candidates merged into a list by the diversity rule, and edges turned round.
 *
 * What a list holds was chosen by the rule, so only pairs with a new candidate in them are looked at: an
 * eighth of the distances that choosing anew would take.
 */
import {
  BUILD_CAP,
  BUILD_CANDIDATES_MAX,
  BUILD_CODE_STRIDE,
  BUILD_CODES,
  BUILD_DISTANCES,
  BUILD_FACTOR,
  BUILD_LIST_ROWS,
  BUILD_LIST_STRIDE,
  BUILD_LISTS,
  BUILD_ROW_STRIDE,
  BUILD_ROWS,
  BUILD_SPACE,
  BUILD_WORK,
  SPACE_DIMENSION,
} from '../layout';
import { candidatesAt } from './build-leaf';
import { buildRows, isSameRow, measureOf, paddedDimension, rowDistance } from './build-rows';
import { distanceOf, keyOf, nodeOf } from './key';

/** Positions from here on are of the list, below it of the leaf. */
const OLD: u32 = 0x10000;

@inline
function listOf(job: u32, node: u32): u32 {
  return load<u32>(job, BUILD_LISTS) + node * load<u32>(job, BUILD_LIST_STRIDE);
}

/** Merges the candidates of the members [from, to) into their lists. */
export function buildMerge(job: u32, ids: u32, members: u32, from: u32, to: u32): void {
  for (let member = from; member < to; member++) {
    const list = listOf(job, load<u32>(ids + (member << 2)));
    touchCodes(job, list);
    const fresh = sortNew(job, ids, member, list);
    if (fresh == 0) continue;
    const count = sortOld(job, member, list, fresh);
    writeChosen(job, ids, list, choose(job, members, count));
  }
}

/** Reads a byte of each cache line of the codes that a list names: the misses overlap. */
@inline
function touchCodes(job: u32, list: u32): void {
  const codes = load<u32>(job, BUILD_CODES);
  const stride = load<u32>(job, BUILD_CODE_STRIDE);
  const end = list + (load<u32>(list) << 2);
  let sum: u32 = 0;
  for (let at = list; at < end; at += 4) {
    const slot = codes + load<u32>(at, 4) * stride;
    for (let line = slot; line < slot + stride; line += 64) sum += <u32>load<u8>(line);
  }
  store<u32>(load<u32>(job, BUILD_WORK), sum);
}

/** Sorts the candidates that the list does not name into BUILD_WORK; returns how many. */
function sortNew(job: u32, ids: u32, member: u32, list: u32): u32 {
  const order = load<u32>(job, BUILD_WORK);
  const own = candidatesAt(job, member);
  const end = own + 8 + (load<u32>(own) << 3);
  let count: u32 = 0;
  for (let at = own + 8; at < end; at += 8) {
    const key = load<u64>(at);
    if (names(list, load<u32>(ids + (nodeOf(key) << 2)))) continue;
    let place = count;
    while (place > 0 && load<u64>(order + ((place - 1) << 3)) > key) place--;
    // A pair that chose each other comes twice.
    if (place > 0 && load<u64>(order + ((place - 1) << 3)) == key) continue;
    const from = order + (place << 3);
    memory.copy(from + 8, from, (count - place) << 3);
    store<u64>(from, key);
    count++;
  }
  return count;
}

function names(list: u32, id: u32): bool {
  const end = list + (load<u32>(list) << 2);
  for (let at = list; at < end; at += 4) if (load<u32>(at, 4) == id) return true;
  return false;
}

/** Sorts the list's own nodes in; returns how many there are now. */
function sortOld(job: u32, member: u32, list: u32, fresh: u32): u32 {
  const space = load<u32>(job, BUILD_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const measure = measureOf(space);
  const padded = paddedDimension(dimension);
  const stride = load<u32>(job, BUILD_ROW_STRIDE);
  const row = load<u32>(job, BUILD_ROWS) + member * stride;
  const listRows = load<u32>(job, BUILD_LIST_ROWS);
  const order = load<u32>(job, BUILD_WORK);
  const old = load<u32>(list);
  buildRows(job, list + 4, old, listRows);
  let count = fresh;
  for (let i: u32 = 0; i < old; i++) {
    const distance = rowDistance(row, listRows + i * stride, padded, <f32>dimension, measure);
    const key = keyOf(distance, OLD + i);
    let at = order + (count++ << 3);
    while (at > order && load<u64>(at - 8) > key) {
      store<u64>(at, load<u64>(at - 8));
      at -= 8;
    }
    store<u64>(at, key);
  }
  return count;
}

@inline
function chosenAt(job: u32): u32 {
  const room = load<u32>(job, BUILD_CANDIDATES_MAX) + load<u32>(job, BUILD_CAP);
  return load<u32>(job, BUILD_WORK) + (room << 3);
}

/** The rule, over the sorted; writes positions, and returns how many were chosen. */
function choose(job: u32, members: u32, count: u32): u32 {
  const space = load<u32>(job, BUILD_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const measure = measureOf(space);
  const padded = paddedDimension(dimension);
  const stride = load<u32>(job, BUILD_ROW_STRIDE);
  const rows = load<u32>(job, BUILD_ROWS);
  const listRows = load<u32>(job, BUILD_LIST_ROWS);
  const matrix = load<u32>(job, BUILD_DISTANCES);
  const factor = load<f32>(job, BUILD_FACTOR);
  const cap = load<u32>(job, BUILD_CAP);
  const order = load<u32>(job, BUILD_WORK);
  const chosen = chosenAt(job);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count && kept < cap; i++) {
    const key = load<u64>(order + (i << 3));
    const distance = distanceOf(key);
    const position = nodeOf(key);
    const isOld = position >= OLD;
    const row = isOld ? listRows + (position - OLD) * stride : rows + position * stride;
    const line = matrix + position * (members << 2);
    let isCrowded = false;
    for (let e: u32 = 0; e < kept && !isCrowded; e++) {
      const other = load<u32>(chosen + (e << 2));
      if (isOld && other >= OLD) continue;
      const otherRow = other >= OLD ? listRows + (other - OLD) * stride : rows + other * stride;
      const between = isOld || other >= OLD
        ? rowDistance(row, otherRow, padded, <f32>dimension, measure)
        : load<f32>(line + (other << 2));
      isCrowded = factor * between < distance || isSameRow(row, otherRow, padded, measure);
    }
    if (!isCrowded) store<u32>(chosen + (kept++ << 2), position);
  }
  return kept;
}

function writeChosen(job: u32, ids: u32, list: u32, count: u32): void {
  const chosen = chosenAt(job);
  const copied = chosen + (load<u32>(job, BUILD_CAP) << 2);
  for (let i: u32 = 0; i < count; i++) {
    const position = load<u32>(chosen + (i << 2));
    const id = position >= OLD
      ? load<u32>(list + 4 + ((position - OLD) << 2))
      : load<u32>(ids + (position << 2));
    store<u32>(copied + (i << 2), id);
  }
  store<u32>(list, count);
  memory.copy(list + 4, copied, count << 2);
}

/** Adds the edges back from what the nodes [from, to) name, where lists have room. */
export function buildBackEdges(job: u32, from: u32, to: u32): void {
  const cap = load<u32>(job, BUILD_CAP);
  for (let node = from; node < to; node++) {
    const own = listOf(job, node);
    const end = own + (load<u32>(own) << 2);
    for (let at = own; at < end; at += 4) {
      const target = listOf(job, load<u32>(at, 4));
      const count = load<u32>(target);
      if (count == cap || names(target, node)) continue;
      store<u32>(target + 4 + (count << 2), node);
      store<u32>(target, count + 1);
    }
  }
}
