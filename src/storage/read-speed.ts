/**
 * Whether reads are slow: slow enough that several of them are better asked for at once, with turns of the event
 * loop in between, than waited for one after the other.
 *
 * A read that the operating system has in memory takes a microsecond or two, one in the background ten to fifty;
 * a device takes a hundred, a disk across a network many thousands. So nothing is won or lost near the limit, and
 * an average that sees one read in eight finds the side soon enough. A single long read (the disk was busy, the
 * processor was with somebody else) counts as three times the limit, and does not tip it.
 */

/** Where two reads in the background, and the turn of the event loop, take about as long as two at once. */
const SLOW_MS = 0.1;
const LONGEST_MS = 3 * SLOW_MS;
const WEIGHT = 1 / 8;
const TIMED = 8;
/** Longer ones say more of memory than of the device. */
const BYTES_MAX = 65_536;

export class ReadSpeed {
  readonly #now: () => number;
  /** Nothing is known yet: the first reads are all timed. */
  #averageMs: number = SLOW_MS / 2;
  #untimed = 0;

  /** `now` is a clock in ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The time by the clock. */
  now(): number {
    return this.#now();
  }

  get isSlow(): boolean {
    return this.#averageMs > SLOW_MS;
  }

  /** Makes a read of so many bytes, and times one of some: every one, as long as they may be slow. */
  time(bytes: number, read: () => number): number {
    this.#untimed = 0;
    const start = this.#now();
    const count = read();
    if (bytes <= BYTES_MAX) this.#note(this.#now() - start);
    return count;
  }

  /** Whether the next read is one of those to be timed. */
  get isDue(): boolean {
    return ++this.#untimed >= TIMED || this.#averageMs > SLOW_MS * WEIGHT;
  }

  /** Reads that were under way together took so long, turns of the event loop included: none took longer. */
  noteTogether(ms: number): void {
    if (ms < SLOW_MS) this.#note(ms);
  }

  #note(ms: number): void {
    this.#averageMs += WEIGHT * (Math.min(ms, LONGEST_MS) - this.#averageMs);
  }
}
