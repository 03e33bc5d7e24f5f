/**
 * Arenas of memtables, kept for reuse: allocating 64 MiB means touching every page of it anew, and the
 * garbage collector sees no reason to hurry with a buffer that it holds by one small object.
 */
const IDLE_MAX = 1;

export class ArenaPool {
  readonly #arenaBytes: number;
  #idle: SharedArrayBuffer[] = [];

  constructor(arenaBytes: number) {
    this.#arenaBytes = arenaBytes;
  }

  /** Bytes of idle arenas. */
  get idleBytes(): number {
    return this.#idle.length * this.#arenaBytes;
  }

  /** An arena of the pool's size, of any content. */
  take(): SharedArrayBuffer {
    return this.#idle.pop() ?? new SharedArrayBuffer(this.#arenaBytes);
  }

  /** Nobody may read the arena any more. One that has grown is not kept. */
  give(arena: SharedArrayBuffer): void {
    if (arena.byteLength === this.#arenaBytes && this.#idle.length < IDLE_MAX) {
      this.#idle.push(arena);
    }
  }
}
