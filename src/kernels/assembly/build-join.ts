/**
 * The last touch to the lists of a bulk build: of all that a node's neighbours name, the nearest are offered to its
 * own list, as in NN-Descent (Dong, Moses and Li, 2011): what no leaf brought together is mostly two steps away. Then a
 * list that the rule leaves short is filled with the nearest that slack lets in, of which narrow beams make use.
 *
 * Lists are only read here; the new ones are written elsewhere, so that pieces can be worked at in any order.
 */
import {
  BUILD_CAP,
  BUILD_CODE_STRIDE,
  BUILD_CODES,
  BUILD_DISTANCES,
  BUILD_FACTOR,
  BUILD_LEAST,
  BUILD_LIST_ROWS,
  BUILD_LIST_STRIDE,
  BUILD_LISTS,
  BUILD_ROW_STRIDE,
  BUILD_ROWS,
  BUILD_SLACK,
  BUILD_SPACE,
  BUILD_WORK,
  JOIN_MET_MAX,
  JOIN_OFFERED_MAX,
  JOIN_TABLE_BITS,
  SPACE_DIMENSION,
} from '../layout';
import { measureMet } from './build-met';
import { buildRows, isSameRow, measureOf, paddedDimension, rowDistance } from './build-rows';
import { distanceOf, insertKey, keyOf, nodeOf } from './key';

const NONE: u32 = 0xffffffff;
const TABLE: u32 = 1 << JOIN_TABLE_BITS;

/** Writes the lists of the nodes [from, to) to `out`, laid out as lists are. */
export function buildJoin(job: u32, from: u32, to: u32, out: u32): void {
  const stride = load<u32>(job, BUILD_LIST_STRIDE);
  for (let node = from; node < to; node++) {
    const list = listOf(job, node);
    const met = gather(job, node, list);
    measureMet(job, node, metOf(job), met);
    const fresh = keepNearest(job, met);
    const count = sortAll(job, node, list, fresh);
    const kept = choose(job, load<u32>(list), count);
    write(job, kept, out + (node - from) * stride);
  }
}

@inline
function listOf(job: u32, node: u32): u32 {
  return load<u32>(job, BUILD_LISTS) + node * load<u32>(job, BUILD_LIST_STRIDE);
}

/** Where a leaf has its distances: a table of what was met, and entries (slot << 32 | node) of what is not in the list. */
@inline
function metOf(job: u32): u32 {
  return load<u32>(job, BUILD_DISTANCES) + (TABLE << 2);
}

/** Gathers what the neighbours name and the list does not; returns how many. */
function gather(job: u32, node: u32, list: u32): u32 {
  const table = load<u32>(job, BUILD_DISTANCES);
  const met = metOf(job);
  const codes = load<u32>(job, BUILD_CODES);
  const stride = load<u32>(job, BUILD_CODE_STRIDE);
  memory.fill(table, 0xff, TABLE << 2);
  isNew(table, node);
  const end = list + (load<u32>(list) << 2);
  for (let at = list; at < end; at += 4) isNew(table, load<u32>(at, 4));
  let count: u32 = 0;
  for (let at = list; at < end; at += 4) {
    const other = listOf(job, load<u32>(at, 4));
    const last = other + (load<u32>(other) << 2);
    for (let from = other; from < last && count < <u32>JOIN_MET_MAX; from += 4) {
      const id = load<u32>(from, 4);
      if (!isNew(table, id)) continue;
      store<u64>(met + (count++ << 3), (<u64>(codes + id * stride) << 32) | <u64>id);
    }
  }
  return count;
}

/** Puts a node into the table, unless it is there. */
@inline
function isNew(table: u32, id: u32): bool {
  let at: u32 = (id * 0x9e3779b1) >>> (32 - JOIN_TABLE_BITS);
  for (;;) {
    const there = load<u32>(table + (at << 2));
    if (there == id) return false;
    if (there == NONE) break;
    at = (at + 1) & (TABLE - 1);
  }
  store<u32>(table + (at << 2), id);
  return true;
}

/** Sorts the nearest of the keys into BUILD_WORK; returns how many. */
function keepNearest(job: u32, met: u32): u32 {
  const keys = metOf(job);
  const nearest = load<u32>(job, BUILD_WORK);
  const most: u32 = JOIN_OFFERED_MAX;
  let count: u32 = 0;
  for (let i: u32 = 0; i < met; i++) {
    const key = load<u64>(keys + (i << 3));
    if (count == most && load<u64>(nearest + ((count - 1) << 3)) < key) continue;
    insertKey(nearest, nearest + ((count < most ? count++ : count - 1) << 3), key);
  }
  return count;
}

/** Ids of the list and the fresh behind the table, their rows, and keys (distance, position) in BUILD_WORK. */
function sortAll(job: u32, node: u32, list: u32, fresh: u32): u32 {
  const space = load<u32>(job, BUILD_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const measure = measureOf(space);
  const padded = paddedDimension(dimension);
  const stride = load<u32>(job, BUILD_ROW_STRIDE);
  const rows = load<u32>(job, BUILD_LIST_ROWS);
  const row = load<u32>(job, BUILD_ROWS);
  const work = load<u32>(job, BUILD_WORK);
  const ids = metOf(job);
  const old = load<u32>(list);
  const count = old + fresh;
  memory.copy(ids, list + 4, old << 2);
  for (let i: u32 = 0; i < fresh; i++) {
    store<u32>(ids + ((old + i) << 2), nodeOf(load<u64>(work + (i << 3))));
  }
  store<u32>(ids + (count << 2), node);
  buildRows(job, ids + (count << 2), 1, row);
  buildRows(job, ids, count, rows);
  for (let i: u32 = 0; i < count; i++) {
    const distance = rowDistance(row, rows + i * stride, padded, <f32>dimension, measure);
    insertKey(work, work + (i << 3), keyOf(distance, i));
  }
  return count;
}

/** Writes the keys of the chosen, nearest first, to the place of the table; returns how many. */
function choose(job: u32, old: u32, count: u32): u32 {
  const cap = load<u32>(job, BUILD_CAP);
  const least = load<u32>(job, BUILD_LEAST);
  const factor = load<f32>(job, BUILD_FACTOR);
  const slack = load<f32>(job, BUILD_SLACK);
  const work = load<u32>(job, BUILD_WORK);
  const chosen = load<u32>(job, BUILD_DISTANCES);
  let kept: u32 = 0;
  let left: u32 = 0;
  for (let i: u32 = 0; i < count && kept < cap; i++) {
    const key = load<u64>(work + (i << 3));
    if (isCrowded(job, key, kept, old, factor)) store<u64>(work + (left++ << 3), key);
    else store<u64>(chosen + (kept++ << 3), key);
  }
  const strict = kept;
  for (let i: u32 = 0; i < left && kept < least; i++) {
    const key = load<u64>(work + (i << 3));
    if (!isCrowded(job, key, kept, old, slack)) store<u64>(chosen + (kept++ << 3), key);
  }
  for (let i = strict; i < kept; i++) {
    const end = chosen + (i << 3);
    insertKey(chosen, end, load<u64>(end));
  }
  return kept;
}

/** Whether one of the first `kept` chosen is nearer to a node than its key says, by the factor, or is the same. */
function isCrowded(job: u32, key: u64, kept: u32, old: u32, factor: f32): bool {
  const space = load<u32>(job, BUILD_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const measure = measureOf(space);
  const padded = paddedDimension(dimension);
  const stride = load<u32>(job, BUILD_ROW_STRIDE);
  const rows = load<u32>(job, BUILD_LIST_ROWS);
  const chosen = load<u32>(job, BUILD_DISTANCES);
  const position = nodeOf(key);
  const row = rows + position * stride;
  for (let i: u32 = 0; i < kept; i++) {
    const other = nodeOf(load<u64>(chosen + (i << 3)));
    // Both are of the list, which the rule has chosen.
    if (position < old && other < old) continue;
    const otherRow = rows + other * stride;
    const between = rowDistance(row, otherRow, padded, <f32>dimension, measure);
    if (factor * between < distanceOf(key)) return true;
    if (isSameRow(row, otherRow, padded, measure)) return true;
  }
  return false;
}

/** Writes a list, and zeros behind it: bytes that nobody wrote would depend on what was there. */
function write(job: u32, kept: u32, target: u32): void {
  const chosen = load<u32>(job, BUILD_DISTANCES);
  const ids = metOf(job);
  store<u32>(target, kept);
  for (let i: u32 = 0; i < kept; i++) {
    const position = nodeOf(load<u64>(chosen + (i << 3)));
    store<u32>(target + 4 + (i << 2), load<u32>(ids + (position << 2)));
  }
  const rest = load<u32>(job, BUILD_CAP) - kept;
  memory.fill(target + 4 + (kept << 2), 0, rest << 2);
}
