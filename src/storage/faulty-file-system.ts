/**
 * Numbers the calls to another file system, from 1, and fails the chosen ones. A test runs its
 * scenario once to learn `calls`, then again for each number:
 *
 *     for (let n = 1; n <= calls; n++) { faulty.failCall(n, 'EIO'); … }
 *
 * With `stopAt` the process "dies" at a call instead: nothing reaches the disk from there on, and the
 * test goes on with what `MemoryFileSystem.crash` leaves.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import type { File, FileSystem } from './file-system.ts';
import { type Call, InterceptingFileSystem, type Interceptor } from './intercepting-file-system.ts';
import { systemError } from './io-error.ts';

/**
 * - `EIO`, `ENOSPC`: the call does nothing and throws.
 * - `short`: a read or a write does its first half, then throws; another call is as with `EIO`.
 * - `sync`: a sync of a file throws, and its data stays as it was: perhaps on the device, perhaps not.
 *   Later syncs of that open file report success and sync nothing, as Linux does with the pages that
 *   it could not write. Another call is as with `EIO`.
 *
 * A failed `close` has closed the file.
 */
export type FaultKind = 'EIO' | 'ENOSPC' | 'short' | 'sync';

/** Lets chosen calls fail, or everything from one call on, as if the machine had died. */
export class FaultyFileSystem extends InterceptingFileSystem {
  readonly #plan: FaultPlan;

  constructor(inner: FileSystem) {
    const plan = new FaultPlan();
    super(inner, plan);
    this.#plan = plan;
  }

  /** Calls made so far; the first has number 1. A stopped file system counts no more. */
  get calls(): number {
    return this.#plan.trace.length;
  }

  /** Faults that have happened: 0 when a scenario ended before it reached the chosen call. */
  get faults(): number {
    return this.#plan.faults;
  }

  get isStopped(): boolean {
    return this.#plan.isStopped;
  }

  /** What each call was, as "write lsm/000001.wal": call n is at index n - 1. */
  get trace(): readonly string[] {
    return this.#plan.trace;
  }

  /** Call `n` fails. Several calls may be chosen. */
  failCall(n: number, kind: FaultKind): void {
    assert(n > this.calls, 'a fault lies in the future');
    this.#plan.planned.set(n, kind);
  }

  /** Call `n` and all later ones throw, and no sync that is still on its way then is reported. */
  stopAt(n: number): void {
    assert(n > this.calls, 'a stop lies in the future');
    this.#plan.stopAt = n;
  }
}

class FaultPlan implements Interceptor {
  readonly planned = new Map<number, FaultKind>();
  readonly trace: string[] = [];
  stopAt = Infinity;
  faults = 0;
  isStopped = false;
  /** Open files whose sync has failed. */
  readonly #unsyncable = new WeakSet<File>();

  call<T>(call: Call, run: () => T): T {
    const fault = this.#next(call);
    if (fault === undefined) return run();
    if (call.operation === 'close') run();
    if (fault === 'short') call.runHalf?.();
    throw this.#error(fault, call);
  }

  async sync(call: Call, run: () => Promise<void>): Promise<void> {
    const fault = this.#next(call);
    const { file } = call;
    if (fault !== undefined) {
      if (file !== undefined) this.#unsyncable.add(file);
      throw this.#error(fault, call);
    }
    if (file !== undefined && this.#unsyncable.has(file)) return;
    await run();
    if (this.isStopped) throw this.#error('stop', call);
  }

  #next(call: Call): FaultKind | 'stop' | undefined {
    if (!this.isStopped) this.trace.push(`${call.operation} ${call.path}`);
    if (this.trace.length >= this.stopAt) {
      if (!this.isStopped) this.faults++;
      this.isStopped = true;
      return 'stop';
    }
    const fault = this.planned.get(this.trace.length);
    if (fault !== undefined) this.faults++;
    return fault;
  }

  #error(fault: FaultKind | 'stop', call: Call): DatabaseError {
    const cause = systemError(fault === 'ENOSPC' ? 'ENOSPC' : 'EIO');
    const what =
      fault === 'stop' ? `stopped at call ${this.stopAt}` : `${fault} at call ${this.trace.length}`;
    return new DatabaseError('IO', `cannot ${call.operation} ${call.path}: ${what}, injected`, {
      cause,
    });
  }
}
