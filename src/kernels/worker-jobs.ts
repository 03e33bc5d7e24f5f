/**
 * What a kernel worker can be asked for, in numbers that fit a slot of the mailbox. A job may be run by any thread,
 * and again from the start when the thread that had begun it died: see `undoJob`.
 */
import { assert } from '../base/assert.ts';
import type { Kernels } from './kernels.ts';
import { BUILD_LIST_STRIDE, BUILD_LISTS, BUILD_ROWS, STATUS_YIELD } from './layout.ts';
import type { Mailbox } from './worker-mailbox.ts';

/**
 * Goes on with a walk, and measures its results again as it says: its address; entry node, its layer and ef to begin
 * it with on layer 0; 1 when that is still to be done, with the coding of its query. Whoever walks begins: what one
 * thread has just cleared costs another a transfer for each line of it. The result is a STATUS_*; YIELD after some
 * thousand hops.
 */
export const JOB_WALK = 1;
/**
 * Builds one leaf: the addresses of the first thread's BUILD_* job and, in bytes, from one thread's to the next;
 * the ids of the members and how many; where, behind a thread's job, lists are kept for `undoJob`.
 */
export const JOB_LEAF = 2;
/** `buildAssign`: both first as above, then ids, count, leaders, how many, `nearest`, `second`. */
export const JOB_ASSIGN = 3;
/** `buildJoin`: both first as above, then the nodes from and to, and where their lists are written. */
export const JOB_JOIN = 4;

/** The result of a job that threw, as a trap of the module does. */
export const JOB_FAILED = -1;

/** Hops between two looks around: some 50 µs, for which an eviction may have to wait. */
const HOPS_PER_CALL = 64;
const CALLS_PER_JOB = 64;

/** A leaf's members are being merged into their lists, which are kept. */
const PHASE_MERGING = 1;

/** Runs the job of a slot that `thread` has taken; returns its result. */
export function runJob(kernels: Kernels, mailbox: Mailbox, slot: number, thread: number): number {
  const operation = mailbox.operation(slot);
  if (operation === JOB_WALK) {
    if (mailbox.argument(slot, 4) === 1) beginWalk(kernels, mailbox, slot);
    return runWalk(kernels, mailbox, mailbox.argument(slot, 0), thread);
  }
  if (operation === JOB_LEAF) return runLeaf(kernels, mailbox, slot, thread);
  const argument = (i: number): number => mailbox.argument(slot, i);
  const job = argument(0) + thread * argument(1);
  if (operation === JOB_JOIN) {
    kernels.exports.buildJoin(job, argument(2), argument(3), argument(4));
    return 0;
  }
  assert(operation === JOB_ASSIGN, 'a job is of a known kind');
  const [ids, count, leaders, leaderCount] = [argument(2), argument(3), argument(4), argument(5)];
  const { exports } = kernels;
  exports.buildAssign(job, ids, count, leaders, leaderCount, argument(6), argument(7));
  return 0;
}

/** Takes back what a thread that died had done of a job, which is then run from the start. */
export function undoJob(kernels: Kernels, mailbox: Mailbox, slot: number, thread: number): void {
  if (mailbox.operation(slot) === JOB_WALK) {
    beginWalk(kernels, mailbox, slot);
    return;
  }
  if (mailbox.operation(slot) !== JOB_LEAF || mailbox.phase(slot) !== PHASE_MERGING) return;
  const { u8, u32 } = kernels.memory;
  visitLists(u32, mailbox, slot, thread, (list, kept, bytes) => {
    u8.copyWithin(list, kept, kept + bytes);
  });
}

function beginWalk({ exports }: Kernels, mailbox: Mailbox, slot: number): void {
  const argument = (i: number): number => mailbox.argument(slot, i);
  exports.walkPrepare(argument(0));
  exports.walkBegin(argument(0), argument(1), argument(2), 0, argument(3));
}

function runWalk({ exports }: Kernels, mailbox: Mailbox, walk: number, worker: number): number {
  for (let call = 1; ; call++) {
    mailbox.enterCall(worker);
    const status = exports.walkRun(walk, HOPS_PER_CALL);
    mailbox.leaveCall(worker);
    if (status !== STATUS_YIELD || call === CALLS_PER_JOB) return status;
  }
}

function runLeaf({ exports, memory }: Kernels, mailbox: Mailbox, slot: number, thread: number) {
  const job = mailbox.argument(slot, 0) + thread * mailbox.argument(slot, 1);
  const ids = mailbox.argument(slot, 2);
  const members = mailbox.argument(slot, 3);
  const { u8, u32 } = memory;
  exports.buildRows(job, ids, members, u32[(job + BUILD_ROWS) >>> 2]);
  exports.buildMeasure(job, members, 0, members);
  exports.buildChoose(job, members, 0, members);
  exports.buildReverse(job, members);
  visitLists(u32, mailbox, slot, thread, (list, kept, bytes) => {
    u8.copyWithin(kept, list, list + bytes);
  });
  mailbox.setPhase(slot, PHASE_MERGING);
  exports.buildMerge(job, ids, members, 0, members);
  return 0;
}

/** The list of each member of a leaf, and where a thread keeps it. */
function visitLists(
  u32: Uint32Array,
  mailbox: Mailbox,
  slot: number,
  thread: number,
  visit: (list: number, kept: number, bytes: number) => void,
): void {
  const job = mailbox.argument(slot, 0) + thread * mailbox.argument(slot, 1);
  const ids = mailbox.argument(slot, 2) >>> 2;
  const members = mailbox.argument(slot, 3);
  const lists = u32[(job + BUILD_LISTS) >>> 2];
  const bytes = u32[(job + BUILD_LIST_STRIDE) >>> 2];
  let kept = job + mailbox.argument(slot, 4);
  for (let i = 0; i < members; i++) {
    visit(lists + u32[ids + i] * bytes, kept, bytes);
    kept += bytes;
  }
}
