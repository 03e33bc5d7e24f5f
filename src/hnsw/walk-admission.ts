/**
 * How many searches may hold a scratch at a time. On one thread a search that does not pause is over before the
 * next one begins; those that share threads are under way together, and must not take each other the memory.
 */
export class WalkAdmission {
  readonly #bytesMax: number;
  #bytes = 0;
  #count = 0;
  /** In the order of their coming. */
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];

  /** So much is given out, besides what a single walk takes that needs more. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Walks that have entered and not left. */
  get count(): number {
    return this.#count;
  }

  /** Undefined when a walk of so many bytes may begin now; else resolves when it may. `leave` ends it. */
  enter(bytes: number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#hasRoom(bytes)) {
      this.#take(bytes);
      return undefined;
    }
    return new Promise((enter) => {
      this.#waiting.push({ bytes, enter });
    });
  }

  /** As `enter`, but whoever would have to wait is turned away: false. */
  tryEnter(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#hasRoom(bytes)) return false;
    this.#take(bytes);
    return true;
  }

  leave(bytes: number): void {
    this.#bytes -= bytes;
    this.#count--;
    while (this.#waiting.length > 0 && this.#hasRoom(this.#waiting[0].bytes)) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#take(next.bytes);
      next.enter();
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#count === 0 || this.#bytes + bytes <= this.#bytesMax;
  }

  #take(bytes: number): void {
    this.#bytes += bytes;
    this.#count++;
  }
}
