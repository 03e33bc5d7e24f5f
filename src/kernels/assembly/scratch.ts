/**
 * The scratch of a walk: its private fields, and how its arrays lie behind the header.
 *
 * Arrays of a fixed size come first (query, results, pending nodes, needs, gathered codes); what is
 * left goes to the visited set, a power of two, and to the heap of candidates. Both are under half
 * full for most walks; one that outgrows them returns STATUS_GROW.
 */
import {
  SPACE_BIT_COUNT,
  SPACE_CAP_BOTTOM,
  SPACE_CAP_UPPER,
  SPACE_DIMENSION,
  WALK_EF,
  WALK_ENTRIES,
  WALK_HEADER_SIZE,
  WALK_NEED_COUNT,
  WALK_NEEDS,
  WALK_PRIVATE,
  WALK_QUERY,
  WALK_REPLACED,
  WALK_RESULT_COUNT,
  WALK_RESULT_ERRORS,
  WALK_RESULTS,
  WALK_SELECTED,
  WALK_SELECTED_COUNT,
  WALK_SIZE,
  WALK_SPACE,
  WALK_SPARE,
} from '../layout';
import { slotCodeBytes } from './space';
import { copyVisited, visit } from './visited';

/** f64: the query's mean, the scale of its code, its spread (the squared norm around the mean). */
export const QUERY_MEAN = WALK_PRIVATE + 4;
export const QUERY_SCALE = WALK_PRIVATE + 12;
export const QUERY_SPREAD = WALK_PRIVATE + 20;
/** u64: the least key met since the walk began, of a living node or a ghost. */
export const NEAREST = WALK_PRIVATE + 28;
/** One of PHASE_*. */
export const PHASE = WALK_PRIVATE + 36;
export const CANDIDATES = WALK_PRIVATE + 40;
export const CANDIDATE_COUNT = WALK_PRIVATE + 44;
export const CANDIDATE_ROOM = WALK_PRIVATE + 48;
export const VISITED = WALK_PRIVATE + 52;
export const VISITED_COUNT = WALK_PRIVATE + 56;
/** 32 - log2(places of the visited set). */
export const VISITED_SHIFT = WALK_PRIVATE + 60;
/** Nodes of the hop under way whose codes are missing: u32[]. */
export const PENDING = WALK_PRIVATE + 64;
export const PENDING_COUNT = WALK_PRIVATE + 68;
/** Nodes whose codes are there, u64[]: slot address << 32 | node, then their keys. */
export const READY = WALK_PRIVATE + 72;
/** The query as i16, padded as sq8.ts says. */
export const QUERY_CODE = WALK_PRIVATE + 76;
/** How many results, the spare ones included, and needs there is room for. */
export const RESULT_ROOM = WALK_PRIVATE + 80;
export const NEED_ROOM = WALK_PRIVATE + 84;
/** The node that a greedy descent expanded last on this layer. */
export const EXPANDED = WALK_PRIVATE + 92;
/** Sum of touched bytes: kept so that the touching is not dropped as useless. */
export const TOUCHED = WALK_PRIVATE + 96;
/** Codes copied for selection, and what belongs to them: see gather.ts. */
export const GATHER = WALK_PRIVATE + 100;
export const GATHER_KEYS = WALK_PRIVATE + 104;
export const GATHER_NODES = WALK_REPLACED;
export const GATHER_ORDER = WALK_PRIVATE + 112;
export const GATHER_COUNT = WALK_PRIVATE + 116;
/** The call that the gathered codes are for, so that it knows them again: one of GATHER_FOR_*. */
export const GATHER_OWNER = WALK_PRIVATE + 120;
export const GATHER_LAYER = WALK_PRIVATE + 124;
export const GATHER_NODE = WALK_PRIVATE + 128;
export const GATHER_NEW = WALK_PRIVATE + 132;
/** Positions of the chosen among the gathered, u32[]. */
export const CHOSEN = WALK_PRIVATE + 136;
export const CHOSEN_COUNT = WALK_PRIVATE + 140;
/** Keys of the first that were not chosen, u64[]. */
export const PRUNED = WALK_PRIVATE + 144;
export const PRUNED_COUNT = WALK_PRIVATE + 148;
/** How many results `selectNeighbours` has dealt with. */
export const SELECT_NEXT = WALK_PRIVATE + 152;
/** The query in bit planes (measure-bits.ts), and the sum of its values, i32. */
export const QUERY_PLANES = WALK_PRIVATE + 156;
export const QUERY_SUM = WALK_PRIVATE + 160;
/**
 * f64: what a unit of the product of planes and signs counts, for a step of 1; what the query adds to a
 * distance; the length of its rest; the length of its code's error, for a rest of length 1.
 */
export const QUERY_FACTOR = WALK_PRIVATE + 164;
export const QUERY_BASE = WALK_PRIVATE + 172;
export const QUERY_REST = WALK_PRIVATE + 180;
export const QUERY_NOISE = WALK_PRIVATE + 188;
/** How many of the keys at WALK_ENTRIES, a max-heap of the nearest results, `stop.ts` keeps. */
export const STOP_COUNT = WALK_PRIVATE + 196;
/** How many results have their error. */
export const ERROR_COUNT = WALK_PRIVATE + 200;
/** How far the pending nodes are from the one expanded: one of REACH_*. */
export const REACH = WALK_PRIVATE + 204;
/** Nodes of the hop under way that are walked through, u32[]: the first THROUGH_DONE have been. */
export const THROUGH = WALK_PRIVATE + 208;
export const THROUGH_COUNT = WALK_PRIVATE + 212;
export const THROUGH_DONE = WALK_PRIVATE + 216;
/** How many nodes this hop has measured. */
export const HOP_MEASURED = WALK_PRIVATE + 220;
/**
 * For `detours.ts`: how many of a list are not chosen; how many of these, the first of the order, have no detour; and
 * how many lists are not read yet.
 */
export const OTHERS_COUNT = WALK_PRIVATE + 224;
export const LOST_COUNT = WALK_PRIVATE + 228;
export const UNREAD_COUNT = WALK_PRIVATE + 232;
/** Whether `selectNeighbours` goes through the results again, with slack. */
export const SELECT_IS_SLACK = WALK_PRIVATE + 236;
/** How many spare results there are, a max-heap behind the `ef` others. */
export const SPARE_COUNT = WALK_PRIVATE + 240;

/** Of a refinement: the first result that is not measured or left out, the same after the batch under way, and what it has kept. */
export const REFINE_NEXT = WALK_PRIVATE + 244;
export const REFINE_END = WALK_PRIVATE + 248;
export const BEST_COUNT = WALK_PRIVATE + 252;

export const PHASE_DONE: u32 = 0;
export const PHASE_WALK: u32 = 1;
/** The results are sorted; their errors are being looked up. */
export const PHASE_ERRORS: u32 = 2;
/** They are being measured by originals, or have been. */
export const PHASE_REFINE: u32 = 3;
export const PHASE_REFINED: u32 = 4;

/** Pending nodes are measured whether they pass the filter or not. */
export const REACH_ANY: u32 = 0;
/** Neighbours of a node: those that do not pass are walked through. */
export const REACH_ONE: u32 = 1;
/** Their neighbours: those that do not pass are left. */
export const REACH_TWO: u32 = 2;

export const GATHER_FOR_NONE: u32 = 0;
export const GATHER_FOR_SELECT: u32 = 1;
export const GATHER_FOR_LINK: u32 = 2;
export const GATHER_FOR_DETOURS: u32 = 3;

/** Where the bytes of a gathered code start. */
export const GATHERED_CODE: u32 = 32;

export const NO_NODE: u32 = 0xffffffff;

/** How many results are gathered at a time for selection: so many at the most and at the least, and of so many bytes. */
const WINDOW_MOST: u32 = 64;
const WINDOW_LEAST: u32 = 8;
const WINDOW_BYTES: u32 = 1 << 17;

const CANDIDATES_MIN: u32 = 64;
const VISITED_PLACES_MIN: u32 = 256;

@inline
export function align16(size: u32): u32 {
  return (size + 15) & ~(<u32>15);
}

@inline
export function largestCap(space: u32): u32 {
  return max(load<u32>(space, SPACE_CAP_BOTTOM), load<u32>(space, SPACE_CAP_UPPER));
}

/** Bytes of the query's code: 16 values a block, and a block for the tail. */
@inline
export function queryCodeBytes(dimension: u32): u32 {
  return ((dimension >> 4) + 1) << 5;
}

/** Bytes of a query in bit planes, for codes of `count` bits: 64 for each 128 bits, and for the rest. */
@inline
export function planeBytes(count: u32): u32 {
  return ((count + 127) >> 7) << 6;
}

/** Bytes of a gathered code: its factors, then the bytes padded with zeros to a multiple of 32. */
@inline
export function gatherStride(space: u32): u32 {
  return GATHERED_CODE + ((slotCodeBytes(space) + 31) & ~31);
}

/** How many results are gathered at a time for selection: few of what is long, so that memory has room for the scratch. */
@inline
export function selectWindow(space: u32): u32 {
  return max(min(WINDOW_BYTES / slotCodeBytes(space), WINDOW_MOST), WINDOW_LEAST);
}

@inline
function gatherRoom(space: u32): u32 {
  return largestCap(space) + selectWindow(space) + 2;
}

function pendingRoom(space: u32): u32 {
  return largestCap(space) + 1;
}

function needRoom(space: u32): u32 {
  return largestCap(space) + WINDOW_MOST + 2;
}

/** Bytes of the header and the arrays of fixed size. */
function fixedBytes(space: u32, ef: u32): u32 {
  const dimension = load<u32>(space, SPACE_DIMENSION);
  return WALK_HEADER_SIZE
    + align16(dimension << 2)
    + align16(queryCodeBytes(dimension))
    + planeBytes(load<u32>(space, SPACE_BIT_COUNT))
    + align16(ef << 3) * 2
    + align16(ef << 2)
    + align16(pendingRoom(space) << 2) * 2
    + align16(pendingRoom(space) << 3)
    + align16(needRoom(space) << 3)
    + align16(gatherRoom(space) * gatherStride(space))
    + align16(gatherRoom(space) << 3)
    + align16(gatherRoom(space) << 2) * 3
    + align16(largestCap(space) << 3)
    + align16(largestCap(space) << 2);
}

/** Candidates that must have room even before the first hop: the entries of `walkContinue`. */
@inline
function candidatesMin(ef: u32): u32 {
  return max(ef + 2, CANDIDATES_MIN);
}

/** Places enough for those entries: under half full. */
function placesMin(ef: u32): u32 {
  return max(<u32>2 << (32 - <u32>clz<u32>(ef + 1)), VISITED_PLACES_MIN);
}

/**
 * Places of the visited set that most walks with this ef do not outgrow: one over 100,000 clustered
 * vectors (128 dimensions, lists of 24) sees about 300 nodes and 16 for each result.
 */
function visitedPlaces(ef: u32): u32 {
  return <u32>1 << (32 - <u32>clz<u32>((ef << 5) + 1535));
}

export function walkBytes(space: u32, ef: u32): u32 {
  const places = visitedPlaces(ef);
  return fixedBytes(space, ef) + (places << 2) + (max(places >> 1, candidatesMin(ef)) << 3);
}

/** Lays out the arrays with room for `ef` results. */
function layOut(walk: u32, bytes: u32, space: u32, ef: u32): void {
  const dimension = load<u32>(space, SPACE_DIMENSION);
  store<u32>(walk, space, WALK_SPACE);
  store<u32>(walk, bytes, WALK_SIZE);
  store<u32>(walk, ef, RESULT_ROOM);
  store<u32>(walk, needRoom(space), NEED_ROOM);

  let at = walk + WALK_HEADER_SIZE;
  store<u32>(walk, at, WALK_QUERY);
  at += align16(dimension << 2);
  store<u32>(walk, at, QUERY_CODE);
  at += align16(queryCodeBytes(dimension));
  store<u32>(walk, at, QUERY_PLANES);
  at += planeBytes(load<u32>(space, SPACE_BIT_COUNT));
  store<u32>(walk, at, WALK_RESULTS);
  at += align16(ef << 3);
  store<u32>(walk, at, WALK_ENTRIES);
  at += align16(ef << 3);
  store<u32>(walk, at, WALK_RESULT_ERRORS);
  at += align16(ef << 2);
  store<u32>(walk, at, PENDING);
  at += align16(pendingRoom(space) << 2);
  store<u32>(walk, at, THROUGH);
  at += align16(pendingRoom(space) << 2);
  store<u32>(walk, at, READY);
  at += align16(pendingRoom(space) << 3);
  store<u32>(walk, at, WALK_NEEDS);
  at += align16(needRoom(space) << 3);
  store<u32>(walk, at, GATHER);
  at += align16(gatherRoom(space) * gatherStride(space));
  store<u32>(walk, at, GATHER_KEYS);
  at += align16(gatherRoom(space) << 3);
  store<u32>(walk, at, GATHER_NODES);
  at += align16(gatherRoom(space) << 2);
  store<u32>(walk, at, GATHER_ORDER);
  at += align16(gatherRoom(space) << 2);
  store<u32>(walk, at, CHOSEN);
  at += align16(gatherRoom(space) << 2);
  store<u32>(walk, at, PRUNED);
  at += align16(largestCap(space) << 3);
  store<u32>(walk, at, WALK_SELECTED);
  at += align16(largestCap(space) << 2);

  const rest = walk + bytes - at;
  let places = placesMin(ef);
  while ((places << 4) <= rest) places <<= 1;
  store<u32>(walk, at, VISITED);
  store<u32>(walk, 1 + <u32>clz<u32>(places), VISITED_SHIFT);
  at += places << 2;
  store<u32>(walk, at, CANDIDATES);
  store<u32>(walk, (rest - (places << 2)) >> 3, CANDIDATE_ROOM);
}

export function walkInit(walk: u32, bytes: u32, space: u32, ef: u32): void {
  memory.fill(walk, 0, WALK_HEADER_SIZE);
  layOut(walk, bytes, space, ef);
  store<u32>(walk, ef, WALK_EF);
}

@inline
export function clearVisited(walk: u32): void {
  memory.fill(load<u32>(walk, VISITED), 0, <u32>4 << (32 - load<u32>(walk, VISITED_SHIFT)));
  store<u32>(walk, 0, VISITED_COUNT);
}

/** Counts a node as seen; false when it was. The caller has made sure of room. */
@inline
export function visitNew(walk: u32, node: u32): bool {
  if (!visit(load<u32>(walk, VISITED), load<u32>(walk, VISITED_SHIFT), node)) return false;
  store<u32>(walk, load<u32>(walk, VISITED_COUNT) + 1, VISITED_COUNT);
  return true;
}

/** Whether `count` more nodes can be visited and become candidates. */
@inline
export function hasRoomFor(walk: u32, count: u32): bool {
  const visited = load<u32>(walk, VISITED_COUNT) + count;
  const places = <u32>1 << (32 - load<u32>(walk, VISITED_SHIFT));
  return visited <= (places >> 1) + (places >> 4)
    && load<u32>(walk, CANDIDATE_COUNT) + count <= load<u32>(walk, CANDIDATE_ROOM);
}

@inline
function copyArray(from: u32, to: u32, field: u32, bytes: u32): void {
  memory.copy(load<u32>(to + field), load<u32>(from + field), bytes);
}

/** Copies the state of a walk into a larger scratch, which takes its place. */
export function walkMove(from: u32, to: u32, toBytes: u32): void {
  const space = load<u32>(from, WALK_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  memory.copy(to, from, WALK_HEADER_SIZE);

  const room = load<u32>(from, RESULT_ROOM);
  const ef = max(room, load<u32>(from, WALK_EF) + load<u32>(from, WALK_SPARE));
  const needed = fixedBytes(space, ef) + (placesMin(ef) << 2) + (candidatesMin(ef) << 3);
  layOut(to, toBytes, space, needed <= toBytes ? ef : room);

  copyArray(from, to, WALK_QUERY, dimension << 2);
  copyArray(from, to, QUERY_CODE, queryCodeBytes(dimension));
  copyArray(from, to, QUERY_PLANES, planeBytes(load<u32>(space, SPACE_BIT_COUNT)));
  const results = load<u32>(from, WALK_RESULT_COUNT);
  const spare = load<u32>(from, SPARE_COUNT);
  copyArray(from, to, WALK_RESULTS, (spare == 0 ? results : load<u32>(from, WALK_EF) + spare) << 3);
  copyArray(from, to, WALK_RESULT_ERRORS, results << 2);
  copyArray(from, to, WALK_ENTRIES, load<u32>(from, STOP_COUNT) << 3);
  copyArray(from, to, PENDING, load<u32>(from, PENDING_COUNT) << 2);
  copyArray(from, to, THROUGH, load<u32>(from, THROUGH_COUNT) << 2);
  copyArray(from, to, WALK_NEEDS, load<u32>(from, WALK_NEED_COUNT) << 3);
  copyArray(from, to, CANDIDATES, load<u32>(from, CANDIDATE_COUNT) << 3);
  copyArray(from, to, WALK_SELECTED, load<u32>(from, WALK_SELECTED_COUNT) << 2);
  store<u32>(to, GATHER_FOR_NONE, GATHER_OWNER);
  memory.fill(load<u32>(to, VISITED), 0, <u32>4 << (32 - load<u32>(to, VISITED_SHIFT)));
  copyVisited(
    load<u32>(from, VISITED),
    load<u32>(from, VISITED_SHIFT),
    load<u32>(to, VISITED),
    load<u32>(to, VISITED_SHIFT),
  );
}

/** Adds to the need list what is not on it; once that is full, the rest is asked for later. */
export function need(walk: u32, kind: u32, value: u32): void {
  const needs = load<u32>(walk, WALK_NEEDS);
  const count = load<u32>(walk, WALK_NEED_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const at = needs + (i << 3);
    if (load<u32>(at, 4) == value && load<u32>(at) == kind) return;
  }
  if (count == load<u32>(walk, NEED_ROOM)) return;
  store<u32>(needs + (count << 3), kind);
  store<u32>(needs + (count << 3), value, 4);
  store<u32>(walk, count + 1, WALK_NEED_COUNT);
}
