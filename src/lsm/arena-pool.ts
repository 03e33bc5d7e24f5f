/**
 * Arenas of memtables, kept for reuse: allocating 64 MiB means touching every page of it anew, and the
 * garbage collector sees no reason to hurry with a buffer that it holds by one small object.
 *
 * It knows of all arenas that are in use, readers' included, so that memory can be accounted for.
 */
const IDLE_MAX = 1;

export class ArenaPool {
  readonly #arenaBytes: number;
  readonly #onChange: (totalBytes: number) => void;
  #idle: SharedArrayBuffer[] = [];
  #usedBytes = 0;

  /** `onChange` is told when `totalBytes` has changed. */
  constructor(arenaBytes: number, onChange: (totalBytes: number) => void = () => {}) {
    this.#arenaBytes = arenaBytes;
    this.#onChange = onChange;
  }

  /** Bytes of the arenas of one size that it keeps. */
  get arenaBytes(): number {
    return this.#arenaBytes;
  }

  /** Bytes of all arenas, used or idle. */
  get totalBytes(): number {
    return this.#usedBytes + this.#idle.length * this.#arenaBytes;
  }

  /** What `take(bytes)` would add to `totalBytes`. */
  costOf(bytes: number): number {
    return bytes === this.#arenaBytes && this.#idle.length > 0 ? 0 : bytes;
  }

  /** An arena of that size, of any content. RangeError when the memory is not to be had. */
  take(bytes: number = this.#arenaBytes): SharedArrayBuffer {
    const idle = bytes === this.#arenaBytes ? this.#idle.pop() : undefined;
    const arena = idle ?? new SharedArrayBuffer(bytes);
    this.#usedBytes += bytes;
    this.#onChange(this.totalBytes);
    return arena;
  }

  /** Lets idle arenas go. */
  dropIdle(): void {
    if (this.#idle.length === 0) return;
    this.#idle.length = 0;
    this.#onChange(this.totalBytes);
  }

  /** Nobody may read the arena any more. One of another size is not kept. */
  give(arena: SharedArrayBuffer): void {
    this.#usedBytes -= arena.byteLength;
    if (arena.byteLength === this.#arenaBytes && this.#idle.length < IDLE_MAX) {
      this.#idle.push(arena);
    }
    this.#onChange(this.totalBytes);
  }
}
