/**
 * The end of a walk on bits: the standard error of each result's estimate, from its slot, which may have
 * been taken out of memory since the result was measured.
 */
import {
  NEED_BITS,
  SPACE_BIT_COLUMN,
  STATUS_DONE,
  STATUS_NEED,
  WALK_RESULT_COUNT,
  WALK_RESULT_ERRORS,
  WALK_RESULTS,
  WALK_SPACE,
} from '../layout';
import { distanceOf, nodeOf } from './key';
import { errorOf } from './measure-bits';
import { ERROR_COUNT, need, PHASE, PHASE_DONE, PHASE_ERRORS } from './scratch';
import { codeCellOf, pageOf, slotInCell, slotOf } from './space';

/** No error is negative. */
const NOT_YET: f32 = -1;

/** The results are sorted and stay as they are. */
export function beginErrors(walk: u32): u32 {
  const count = load<u32>(walk, WALK_RESULT_COUNT);
  const errors = load<u32>(walk, WALK_RESULT_ERRORS);
  for (let i: u32 = 0; i < count; i++) store<f32>(errors + (i << 2), NOT_YET);
  store<u32>(walk, 0, ERROR_COUNT);
  store<u32>(walk, PHASE_ERRORS, PHASE);
  return findErrors(walk);
}

/** Looks up the errors that are wanting; asks for the bit pages that are not in memory. */
export function findErrors(walk: u32): u32 {
  const column = load<u32>(walk, WALK_SPACE) + SPACE_BIT_COLUMN;
  const results = load<u32>(walk, WALK_RESULTS);
  const errors = load<u32>(walk, WALK_RESULT_ERRORS);
  const count = load<u32>(walk, WALK_RESULT_COUNT);
  let known = load<u32>(walk, ERROR_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const at = errors + (i << 2);
    if (load<f32>(at) != NOT_YET) continue;
    const key = load<u64>(results + (i << 3));
    const page = pageOf(column, nodeOf(key));
    const cell = codeCellOf(column, page);
    if (cell == 0) {
      need(walk, NEED_BITS, page);
      continue;
    }
    const slot = slotInCell(column, cell, slotOf(column, nodeOf(key), page));
    store<f32>(at, errorOf(walk, slot, distanceOf(key)));
    known++;
  }
  store<u32>(walk, known, ERROR_COUNT);
  if (known < count) return STATUS_NEED;
  store<u32>(walk, PHASE_DONE, PHASE);
  return STATUS_DONE;
}
