/**
 * Reads of several things at once where reads are slow, without a second way to read anything.
 *
 * What is to be brought into memory is given as ordinary, synchronous functions ("loads"). They are tried: a read
 * of a file that is not at hand ends the try with an exception, as a failed read would, and begins in the
 * background. When the reads of all loads have ended, the loads are tried again, and find their bytes in the
 * stage: one may need a table's index, then its block, then the page that the block names, and gets one step
 * further each time. So nothing that was looked up before a pause is used after it: only bytes of files are, and
 * those are forgotten when anybody writes over them.
 *
 * A load must be as if it had never begun when a read in it fails, which I/O errors ask of it anyway.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import type { File } from './file-system.ts';
import { ReadSpeed } from './read-speed.ts';

export interface StagedReadsOptions {
  /** What the stage may hold at a time; one read for each group under way it may in any case. */
  readonly bytesMax: number;
  /** A clock in ms. Default: performance.now. */
  readonly now?: (() => number) | undefined;
}

/** Loads that are tried together. */
const LOADS_MAX = 32;
/** Groups of loads under way; the others wait for their turn. */
const GROUPS_MAX = 4;
/** In one of so many groups a load reads by itself: a busy event loop hides that reads have become quick. */
const PROBE_EVERY = 16;
/** So often reads are begun again for nothing, because files change under them. */
const ROUNDS_MAX = 16;

/** Bytes of a file, or on their way. */
interface Staged {
  readonly path: string;
  readonly position: number;
  readonly bytes: Uint8Array;
  /** Of a read that has ended. */
  count: number | undefined;
  error: unknown;
  /** Of a read that is under way; never rejects. */
  ended: Promise<void> | undefined;
  users: number;
}

/** A load that is tried until it goes through. */
class Attempt {
  readonly load: () => void;
  readonly held: Set<Staged> = new Set();
  isBlocked = false;

  constructor(load: () => void) {
    this.load = load;
  }
}

/** Attempts that share a turn. */
interface Group {
  /** Reads that were begun for it since it was tried last. */
  begun: number;
}

/** What a load throws that has to wait. */
class NotAtHand extends Error {}

const notAtHand = new NotAtHand('a read is under way, and nobody waits for it');

export class StagedReads {
  readonly speed: ReadSpeed;
  readonly #bytesMax: number;
  readonly #staged = new Map<string, Staged>();
  #bytes = 0;
  /** The one that is being tried; undefined as long as reads are ordinary ones. */
  #attempt: Attempt | undefined;
  /** That of the attempt; undefined: nothing is read in the background for it. */
  #group: Group | undefined;
  #groups = 0;
  #groupsBegun = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ bytesMax, now = () => performance.now() }: StagedReadsOptions) {
    this.#bytesMax = bytesMax;
    this.speed = new ReadSpeed(now);
  }

  /** Whether `together` is the better way to read. */
  get isSlow(): boolean {
    return this.speed.isSlow;
  }

  /** What the stage holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a read is to ask `take`. */
  get isTrying(): boolean {
    return this.#attempt !== undefined;
  }

  /** The result of a synchronous function, if it needs no read; else undefined, and nothing has happened. */
  ifAtHand<T>(run: () => T): T | undefined {
    let result: T | undefined;
    const attempt = new Attempt(() => {
      result = run();
    });
    try {
      return this.#try(attempt, undefined) ? result : undefined;
    } finally {
      this.#release(attempt);
    }
  }

  /**
   * Calls every load until it goes through, with their reads side by side; then, in the same turn of the event
   * loop, `use`, which finds what they read without reading again, and is tried like them. Rejects with the first
   * error of a load.
   */
  async together(loads: readonly (() => void)[], use?: () => void): Promise<void> {
    const attempts = loads.map((load) => new Attempt(load));
    await this.#enter();
    try {
      if (++this.#groupsBegun % PROBE_EVERY === 0) loads[0]?.();
      for (let first = 0; first < attempts.length; first += LOADS_MAX) {
        const some = attempts.slice(first, first + LOADS_MAX);
        await this.#finish(some, use !== undefined);
      }
      if (use === undefined) return;
      const last = new Attempt(use);
      attempts.push(last);
      await this.#finish([last], false);
    } finally {
      // After an error some may be under way still.
      await endOf(attempts);
      for (const attempt of attempts) this.#release(attempt);
      this.#leave();
    }
  }

  /** A read of a file within a try. */
  take(file: File, target: Uint8Array, position: number): number {
    const attempt = this.#attempt;
    assert(attempt !== undefined, 'only tries read from the stage');
    const found = this.#staged.get(keyOf(file.path, position, target.length));
    if (found !== undefined && found.count !== undefined) {
      target.set(found.bytes.subarray(0, found.count));
      return found.count;
    }
    if (found !== undefined && found.error !== undefined) throw found.error;
    attempt.isBlocked = true;
    const staged = found ?? this.#begin(file, target.length, position);
    if (staged !== undefined && !attempt.held.has(staged)) {
      attempt.held.add(staged);
      staged.users++;
    }
    throw notAtHand;
  }

  /** Bytes of a file are others from now on, from `start` to `end`. */
  forget(path: string, start: number, end: number): void {
    if (this.#staged.size === 0) return;
    for (const [key, { path: other, position, bytes }] of this.#staged) {
      const isTouched = other === path && position < end && position + bytes.length > start;
      if (isTouched) this.#staged.delete(key);
    }
  }

  async #finish(attempts: readonly Attempt[], isKept: boolean): Promise<void> {
    let rest = attempts;
    for (let rounds = 0; ; rounds++) {
      const group = { begun: 0 };
      const blocked: Attempt[] = [];
      for (const attempt of rest) {
        if (!this.#try(attempt, group)) blocked.push(attempt);
        else if (!isKept) this.#release(attempt);
      }
      if (blocked.length < rest.length) rounds = 0;
      rest = blocked;
      if (rest.length === 0) return;
      if (rounds === ROUNDS_MAX) {
        for (const { load } of rest) load();
        return;
      }
      const start = this.speed.now();
      await endOf(rest);
      this.speed.noteTogether(this.speed.now() - start);
    }
  }

  /** Whether it went through. */
  #try(attempt: Attempt, group: Group | undefined): boolean {
    assert(this.#attempt === undefined, 'a load waits for no other');
    attempt.isBlocked = false;
    this.#attempt = attempt;
    this.#group = group;
    try {
      attempt.load();
    } catch (error) {
      // Whatever became of the exception on its way.
      if (!attempt.isBlocked) throw error;
    } finally {
      this.#attempt = undefined;
      this.#group = undefined;
    }
    return !attempt.isBlocked;
  }

  /** Undefined when there is no room, and others of the group get on. */
  #begin(file: File, length: number, position: number): Staged | undefined {
    const group = this.#group;
    if (group === undefined) return undefined;
    if (this.#bytes + length > this.#bytesMax && group.begun > 0) return undefined;
    group.begun++;
    const bytes = new Uint8Array(length);
    const staged: Staged = {
      path: file.path,
      position,
      bytes,
      count: undefined,
      error: undefined,
      ended: undefined,
      users: 0,
    };
    staged.ended = readInto(file, staged);
    this.#staged.set(keyOf(file.path, position, length), staged);
    this.#bytes += length;
    return staged;
  }

  #release({ held }: Attempt): void {
    for (const staged of held) {
      if (--staged.users > 0) continue;
      const { path, position, bytes } = staged;
      this.#bytes -= bytes.length;
      const key = keyOf(path, position, bytes.length);
      if (this.#staged.get(key) === staged) this.#staged.delete(key);
    }
    held.clear();
  }

  #enter(): Promise<void> | undefined {
    if (this.#groups < GROUPS_MAX) {
      this.#groups++;
      return undefined;
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#groups--;
    else next();
  }
}

/** Resolves when no read of theirs is under way. */
async function endOf(attempts: readonly Attempt[]): Promise<void> {
  for (const { held } of attempts) {
    for (const { ended } of held) if (ended !== undefined) await ended;
  }
}

async function readInto(file: File, staged: Staged): Promise<void> {
  try {
    assert(file.readInBackground !== undefined, 'the file can be read in the background');
    staged.count = await file.readInBackground(staged.bytes, staged.position);
  } catch (error) {
    staged.error = error ?? new DatabaseError('IO', `cannot read ${file.path}`);
  } finally {
    staged.ended = undefined;
  }
}

function keyOf(path: string, position: number, length: number): string {
  return `${position} ${length} ${path}`;
}
