/**
 * Records every call to another file system, with what it takes to do it again: from a prefix of a trace a
 * test builds each state in which a crash may leave the disk.
 *
 * Calls that fail are recorded too. A sync is there twice: when it is asked for, and when it has ended;
 * what was done between the two is not covered by it. So is the sync of a directory in the background, with the
 * directory's path.
 */
import type { FileSystem, OpenMode } from './file-system.ts';
import {
  type Call,
  InterceptingFileSystem,
  type Interceptor,
  type Operation,
} from './intercepting-file-system.ts';

/** One call as it was made, with its arguments. */
export interface TracedCall {
  readonly operation: Operation | 'synced';
  /** Of a rename or a link, the target. */
  readonly path: string;
  /** Of an open. */
  readonly mode: OpenMode | undefined;
  /** Of a rename or a link: the old path. */
  readonly source: string | undefined;
  /** Of a read or a write: where in the file. Of a truncate: the new size. Else 0. */
  readonly position: number;
  /** Bytes written, or read. Else 0. */
  readonly byteLength: number;
  /** A copy of what was written. */
  readonly bytes: Uint8Array | undefined;
  /** What the call threw; undefined when it did what it should. */
  readonly failure: unknown;
}

/** Records every call that passes through to the file system below it. */
export class TracingFileSystem extends InterceptingFileSystem {
  readonly #recorder: Recorder;

  constructor(inner: FileSystem) {
    const recorder = new Recorder();
    super(inner, recorder);
    this.#recorder = recorder;
  }

  /** All calls so far, oldest first. Grows with each call. */
  get trace(): readonly TracedCall[] {
    return this.#recorder.trace;
  }

  /** Forgets the calls so far. */
  clear(): void {
    this.#recorder.trace.length = 0;
  }
}

class Recorder implements Interceptor {
  readonly trace: TracedCall[] = [];

  call<T>(call: Call, run: () => T): T {
    // Before the call: the caller may reuse his bytes right after it.
    const bytes = call.source?.slice();
    const end = (failure: unknown): void => this.#record(call, call.operation, bytes, failure);
    let result: T;
    try {
      result = run();
    } catch (error) {
      end(error);
      throw error;
    }
    end(undefined);
    return result;
  }

  async sync(call: Call, run: () => Promise<void>): Promise<void> {
    this.#record(call, 'sync', undefined, undefined);
    try {
      await run();
    } catch (error) {
      this.#record(call, 'synced', undefined, error);
      throw error;
    }
    this.#record(call, 'synced', undefined, undefined);
  }

  #record(
    call: Call,
    operation: TracedCall['operation'],
    bytes: Uint8Array | undefined,
    failure: unknown,
  ): void {
    const { path, mode, origin, position = 0, bytes: byteLength } = call;
    const where = { path, mode, source: origin, position };
    this.trace.push({ operation, ...where, byteLength, bytes, failure });
  }
}
