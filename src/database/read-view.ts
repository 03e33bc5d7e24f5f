/**
 * What a read sees: one commit, and one moment by which records have expired or not. Most reads see the
 * commit published last; those of a snapshot or a transaction all see the same one. While a view is held the
 * places of its vectors are not given again, and what compaction drops is not what it sees.
 */
import { assert } from '../base/assert.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import type { Snapshot as HeldSequence } from '../lsm/engine-options.ts';
import type { Head } from './head.ts';
import type { FoundRecord, RecordReader } from './record-reader.ts';

export interface ReadView {
  /** The trees are read at it. */
  readonly sequence: number;
  /** In ms since the epoch: records that expire at it or before are gone. */
  readonly now: number;
}

/** A view for reads that outlive a turn of the event loop; `release` is called once. */
export interface HeldView extends ReadView {
  release(): void;
}

/** Where reads get their view from. */
export interface ViewSource {
  /** For reads that end in this turn of the event loop. */
  readonly current: ReadView;
  hold(): HeldView;
  /** As `hold`, for scans, which nobody may ever end: a view that is closed does not wait for them. */
  follow(): HeldView;
  /** Throws when nothing may be read any more. */
  assertOpen(): void;
}

/** Views of the commit that is published when a read begins. */
export class PublishedViews implements ViewSource {
  readonly #engine: LsmEngine;
  readonly #now: () => number;
  readonly #assertOpen: () => void;

  constructor(engine: LsmEngine, now: () => number, assertOpen: () => void) {
    this.#engine = engine;
    this.#now = now;
    this.#assertOpen = assertOpen;
  }

  get current(): ReadView {
    return { sequence: this.#engine.publishedSequence, now: this.#now() };
  }

  hold(): HeldView {
    const held = this.#engine.snapshot();
    return { sequence: held.sequence, now: this.#now(), release: () => held.release() };
  }

  follow(): HeldView {
    return this.hold();
  }

  assertOpen(): void {
    this.#assertOpen();
  }
}

export type FixedViewKind = 'snapshot' | 'transaction';

/** One view for many reads, until it is closed and the last of them has ended; scans end with it. */
export class FixedView implements ViewSource {
  readonly kind: FixedViewKind;
  readonly sequence: number;
  readonly now: number;
  readonly #held: HeldSequence;
  readonly #closed: (view: FixedView) => void;
  #readers = 0;
  #closedBy: (() => Error) | undefined;

  constructor(
    kind: FixedViewKind,
    held: HeldSequence,
    { now, closed }: { readonly now: number; readonly closed: (view: FixedView) => void },
  ) {
    this.kind = kind;
    this.sequence = held.sequence;
    this.now = now;
    this.#held = held;
    this.#closed = closed;
  }

  get current(): ReadView {
    return this;
  }

  get isClosed(): boolean {
    return this.#closedBy !== undefined;
  }

  hold(): HeldView {
    this.assertOpen();
    this.#readers++;
    const { sequence, now } = this;
    return { sequence, now, release: () => this.#endRead() };
  }

  follow(): HeldView {
    this.assertOpen();
    const { sequence, now } = this;
    return { sequence, now, release: () => {} };
  }

  assertOpen(): void {
    if (this.#closedBy !== undefined) throw this.#closedBy();
  }

  /** Later reads throw what `why` makes. Idempotent: the first reason stays. */
  close(why: () => Error): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = why;
    if (this.#readers === 0) this.#letGo();
  }

  #endRead(): void {
    assert(this.#readers > 0, 'a read ends once');
    this.#readers--;
    if (this.#readers === 0 && this.isClosed) this.#letGo();
  }

  #letGo(): void {
    this.#held.release();
    this.#closed(this);
  }
}

/** Whether a record is gone for a reader, although nothing has deleted it yet. */
export function hasExpired({ expiresAt }: Head, { now }: Pick<ReadView, 'now'>): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** The record of an id, unless it has expired. */
export function findLiving(
  reader: RecordReader,
  { namespace, id }: { readonly namespace: string; readonly id: Uint8Array },
  view: ReadView,
): FoundRecord | undefined {
  const found = reader.find(namespace, id, view.sequence);
  return found === undefined || hasExpired(found.head, view) ? undefined : found;
}
