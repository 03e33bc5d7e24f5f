/**
 * The mailbox of kernel workers: a small shared memory in which the main thread posts jobs, any thread takes one
 * that is ready, and the main thread finds those that ended. Words are i32, all of them used atomically.
 *
 *   0   BELL      counts posts; workers without work sleep on it
 *   16  ENDED     counts ended jobs; the main thread waits for it to change
 *   32  STOPPING  1: workers leave at once
 *   33  ASKED     1: the next worker that ends a job posts a message as well (no `Atomics.waitAsync`)
 *   34  AWAITED   1: the main thread sleeps until a call ends
 *   35  FENCE     written where only the order of memory accesses matters
 *   36  SLEEPERS  workers that sleep on BELL, or are about to: nobody else has to be woken, which costs a call of the system
 *   37  WAITERS   the same of ENDED
 *   then for each worker, 16 words: CALL, odd while it is inside a call that reads what may be evicted
 *   then for each slot, 16 words: STATE, OPERATION, RESULT, PHASE and eight arguments
 *
 * A slot goes FREE → READY → TAKEN + thread → OVER → FREE. Only READY → TAKEN is contended: by compare-and-swap.
 */
import { assert } from '../base/assert.ts';

/** Jobs that can be posted at once. */
export const SLOTS = 64;
export const ARGUMENTS_MAX = 8;

const LINE = 16;
const BELL = 0;
const ENDED = LINE;
const STOPPING = 2 * LINE;
const ASKED = STOPPING + 1;
const AWAITED = STOPPING + 2;
const FENCE = STOPPING + 3;
const SLEEPERS = STOPPING + 4;
const WAITERS = STOPPING + 5;
const WORKERS = 3 * LINE;

const STATE = 0;
const OPERATION = 1;
const RESULT = 2;
const PHASE = 3;
const ARGUMENTS = 4;

const FREE = 0;
const READY = 1;
const OVER = 2;
/** And the number of the thread. */
const TAKEN = 16;

/**
 * How long the main thread sleeps for the end of one call before it takes the worker for dead, in ms: a thousand
 * calls, because the system may have given its processor to others. One that lives is replaced like one that does not.
 */
const PATIENCE_MS = 100;

/** `Atomics.waitAsync`, where there is one. */
type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) => { readonly async: boolean; readonly value: unknown };

const { waitAsync } = Atomics as unknown as { readonly waitAsync?: WaitAsync };

export class Mailbox {
  readonly buffer: SharedArrayBuffer;
  readonly workers: number;
  readonly #words: Int32Array;
  readonly #slots: number;

  /** Over a buffer that `createMailbox` made; every thread has its own. */
  constructor(buffer: SharedArrayBuffer, workers: number) {
    this.buffer = buffer;
    this.workers = workers;
    this.#words = new Int32Array(buffer);
    this.#slots = WORKERS + LINE * workers;
  }

  // The main thread.

  /** Makes a job ready in a slot that is free. `ring` afterwards. */
  post(slot: number, operation: number, parameters: readonly number[]): void {
    assert(parameters.length <= ARGUMENTS_MAX, 'a job fits its slot');
    const at = this.#at(slot);
    assert(Atomics.load(this.#words, at + STATE) === FREE, 'a job is posted to a free slot');
    this.#words[at + OPERATION] = operation;
    this.#words[at + PHASE] = 0;
    for (let i = 0; i < parameters.length; i++) this.#words[at + ARGUMENTS + i] = parameters[i];
    Atomics.store(this.#words, at + STATE, READY);
  }

  /** Wakes as many workers as sleep, at most `count`. */
  ring(count: number): void {
    Atomics.add(this.#words, BELL, 1);
    if (Atomics.load(this.#words, SLEEPERS) > 0) Atomics.notify(this.#words, BELL, count);
  }

  isOver(slot: number): boolean {
    return Atomics.load(this.#words, this.#at(slot) + STATE) === OVER;
  }

  isTakenBy(slot: number, thread: number): boolean {
    return Atomics.load(this.#words, this.#at(slot) + STATE) === TAKEN + thread;
  }

  result(slot: number): number {
    return this.#words[this.#at(slot) + RESULT];
  }

  free(slot: number): void {
    Atomics.store(this.#words, this.#at(slot) + STATE, FREE);
  }

  /** A job whose worker died is ready again. */
  restart(slot: number): void {
    this.setPhase(slot, 0);
    Atomics.store(this.#words, this.#at(slot) + STATE, READY);
  }

  /** Resolves after another job has ended than the `seen` first ones. A message may do it instead. */
  async ended(seen: number): Promise<'notified' | 'asked'> {
    if (waitAsync !== undefined) {
      Atomics.add(this.#words, WAITERS, 1);
      const waiting = waitAsync(this.#words, ENDED, seen);
      if (waiting.async) await waiting.value;
      Atomics.sub(this.#words, WAITERS, 1);
      return 'notified';
    }
    Atomics.store(this.#words, ASKED, 1);
    return 'asked';
  }

  /** Sleeps until another job has ended than the `seen` first ones, `ms` at most; whether one has. */
  awaitEnded(seen: number, ms: number): boolean {
    Atomics.add(this.#words, WAITERS, 1);
    const outcome = Atomics.wait(this.#words, ENDED, seen, ms);
    Atomics.sub(this.#words, WAITERS, 1);
    return outcome !== 'timed-out';
  }

  get endedCount(): number {
    return Atomics.load(this.#words, ENDED);
  }

  stop(): void {
    Atomics.store(this.#words, STOPPING, 1);
    this.ring(Number.POSITIVE_INFINITY);
    this.#wakeMain();
  }

  /**
   * Sleeps until the worker has left the call that it is in, if it is in one. What was written before is seen by
   * every later call. False when that takes too long: it must be dead.
   */
  awaitCall(worker: number): boolean {
    const at = WORKERS + LINE * worker;
    // What was written before must not be overtaken by this read.
    Atomics.add(this.#words, FENCE, 1);
    const call = Atomics.load(this.#words, at);
    if ((call & 1) === 0) return true;
    Atomics.store(this.#words, AWAITED, 1);
    const outcome = Atomics.wait(this.#words, at, call, PATIENCE_MS);
    Atomics.store(this.#words, AWAITED, 0);
    return outcome !== 'timed-out';
  }

  /** Of a worker that is gone. */
  resetCall(worker: number): void {
    Atomics.and(this.#words, WORKERS + LINE * worker, ~1);
  }

  // Any thread.

  /** Takes a job that is ready, from slot `first` on; -1 when there is none. */
  take(thread: number, first: number): number {
    for (let i = 0; i < SLOTS; i++) {
      const slot = (first + i) % SLOTS;
      if (this.takeSlot(thread, slot)) return slot;
    }
    return -1;
  }

  /** Takes this job, if it is ready. */
  takeSlot(thread: number, slot: number): boolean {
    const at = this.#at(slot) + STATE;
    if (Atomics.load(this.#words, at) !== READY) return false;
    return Atomics.compareExchange(this.#words, at, READY, TAKEN + thread) === READY;
  }

  operation(slot: number): number {
    return this.#words[this.#at(slot) + OPERATION];
  }

  /** A u32. */
  argument(slot: number, index: number): number {
    return this.#words[this.#at(slot) + ARGUMENTS + index] >>> 0;
  }

  /** How far a job has come: what its restart has to know. */
  phase(slot: number): number {
    return Atomics.load(this.#words, this.#at(slot) + PHASE);
  }

  setPhase(slot: number, phase: number): void {
    Atomics.store(this.#words, this.#at(slot) + PHASE, phase);
  }

  // A worker.

  /** Sleeps until the bell rings again after `heard`. */
  listen(heard: number): void {
    Atomics.add(this.#words, SLEEPERS, 1);
    Atomics.wait(this.#words, BELL, heard);
    Atomics.sub(this.#words, SLEEPERS, 1);
  }

  get bell(): number {
    return Atomics.load(this.#words, BELL);
  }

  get isStopping(): boolean {
    return Atomics.load(this.#words, STOPPING) !== 0;
  }

  /** Around a call that reads what the main thread may evict. */
  enterCall(worker: number): void {
    Atomics.add(this.#words, WORKERS + LINE * worker, 1);
  }

  leaveCall(worker: number): void {
    const at = WORKERS + LINE * worker;
    Atomics.add(this.#words, at, 1);
    if (Atomics.load(this.#words, AWAITED) !== 0) Atomics.notify(this.#words, at);
  }

  /** Ends a job; whether the main thread asked for a message. */
  end(slot: number, result: number): boolean {
    const at = this.#at(slot);
    this.#words[at + RESULT] = result;
    Atomics.store(this.#words, at + STATE, OVER);
    this.#wakeMain();
    // Hardly ever written, so that the line with it stays where it is.
    return Atomics.load(this.#words, ASKED) !== 0 && Atomics.exchange(this.#words, ASKED, 0) !== 0;
  }

  #wakeMain(): void {
    Atomics.add(this.#words, ENDED, 1);
    if (Atomics.load(this.#words, WAITERS) > 0) Atomics.notify(this.#words, ENDED);
  }

  #at(slot: number): number {
    return this.#slots + LINE * slot;
  }
}

export function createMailbox(workers: number): Mailbox {
  const words = WORKERS + LINE * (workers + SLOTS);
  return new Mailbox(new SharedArrayBuffer(4 * words), workers);
}
