/**
 * A disk each of whose reads takes some time more, in real time: what a cold start costs where dropping the cache of
 * the operating system shows little, since the machine's own disk is quick or has a cache below it. It makes some
 * reads at a time, as many as Node's thread pool does; one that comes when all are taken waits.
 */
import type { File, FileSystem, OpenMode } from '../../src/storage/file-system.ts';
import { InterceptingFileSystem, passing } from '../../src/storage/intercepting-file-system.ts';

export interface SlowDiskOptions {
  readonly readMs: number;
  /** Whether reads in the background are offered. */
  readonly isParallel: boolean;
}

const LANES = 4;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

export class SlowDisk extends InterceptingFileSystem {
  reads = 0;
  readonly #options: SlowDiskOptions;
  /** When each lane is free again. */
  readonly #freeAt = new Float64Array(LANES);
  #waiting: { readonly until: number; readonly end: () => void }[] = [];

  constructor(inner: FileSystem, options: SlowDiskOptions) {
    super(inner, passing);
    this.#options = options;
  }

  override open(path: string, mode: OpenMode, purpose?: string): File {
    const inner = super.open(path, mode, purpose);
    const readInto = (target: Uint8Array, position: number): number => {
      this.reads++;
      Atomics.wait(sleeper, 0, 0, this.#options.readMs);
      return inner.readInto(target, position);
    };
    const readInBackground = async (target: Uint8Array, position: number): Promise<number> => {
      this.reads++;
      // At once: the file may be closed meanwhile.
      const count = inner.readInto(target, position);
      await this.#lane();
      return count;
    };
    return {
      path,
      readInto,
      readInBackground: this.#options.isParallel ? readInBackground : undefined,
      write: (source, position) => inner.write(source, position),
      size: () => inner.size(),
      truncate: (size) => inner.truncate(size),
      datasync: () => inner.datasync(),
      close: () => inner.close(),
    };
  }

  /** Resolves when a read that begins now would end. Timers are too coarse for that: every turn looks at the clock. */
  #lane(): Promise<void> {
    let lane = 0;
    for (let i = 1; i < LANES; i++) if (this.#freeAt[i] < this.#freeAt[lane]) lane = i;
    const until = Math.max(performance.now(), this.#freeAt[lane]) + this.#options.readMs;
    this.#freeAt[lane] = until;
    if (this.#waiting.length === 0) setImmediate(() => this.#look());
    return new Promise((end) => {
      this.#waiting.push({ until, end });
    });
  }

  #look(): void {
    const now = performance.now();
    const over = this.#waiting.filter(({ until }) => until <= now);
    this.#waiting = this.#waiting.filter(({ until }) => until > now);
    for (const { end } of over) end();
    if (this.#waiting.length > 0) setImmediate(() => this.#look());
  }
}
