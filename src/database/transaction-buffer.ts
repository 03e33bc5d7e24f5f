/**
 * What a transaction has read and written of one collection. Nothing of it is seen by anybody else before
 * the commit, and the writer hears of it only then. Memory grows with what is written, and by an entry for
 * each id that is read.
 */
import type { CheckedRecord } from './checked-record.ts';
import type { CollectionStore } from './collection-store.ts';
import { findLiving, type ReadView } from './read-view.ts';
import { identityOf } from './record-id.ts';
import type { FoundRecord } from './record-reader.ts';

const NONE: ReadonlySet<string> = new Set();

/** What the transaction made of a record. */
export interface Change {
  /** The whole record; undefined: it is deleted. */
  readonly record: CheckedRecord | undefined;
  /** Names of the vector spaces ('' is the default one) in which it keeps what is stored: not to be written again. */
  readonly kept: ReadonlySet<string>;
  /** It expires when it would have. */
  readonly keepsExpiry: boolean;
}

/** An id that the transaction has read or written. */
export interface TouchedId {
  readonly identity: string;
  readonly namespace: string;
  /** Encoded. */
  readonly id: Uint8Array;
  /** As the transaction's view has it. */
  readonly base: FoundRecord | undefined;
  /** Undefined: only read. */
  change: Change | undefined;
}

export class TransactionBuffer {
  readonly store: CollectionStore;
  readonly #view: ReadView;
  /** By identity, in the order in which they were touched first. */
  readonly #touched = new Map<string, TouchedId>();
  /** By identity, in the order in which they were changed first. */
  readonly #changed = new Map<string, TouchedId>();

  constructor(store: CollectionStore, view: ReadView) {
    this.store = store;
    this.#view = view;
  }

  /** All ids whose state the transaction knows: its commit depends on them. */
  get touched(): Iterable<TouchedId> {
    return this.#touched.values();
  }

  /** Those of them that it changed. */
  get changed(): Iterable<TouchedId> {
    return this.#changed.values();
  }

  get changedCount(): number {
    return this.#changed.size;
  }

  /** The state of an id; from here on the commit depends on it. */
  touch(namespace: string, id: Uint8Array): TouchedId {
    const identity = identityOf(namespace, id);
    let touched = this.#touched.get(identity);
    if (touched === undefined) {
      const base = findLiving(this.store.reader, { namespace, id }, this.#view);
      touched = { identity, namespace, id, base, change: undefined };
      this.#touched.set(identity, touched);
    }
    return touched;
  }

  /** The id if the transaction has changed it. */
  changeOf(identity: string): TouchedId | undefined {
    return this.#changed.get(identity);
  }

  put(touched: TouchedId, record: CheckedRecord, keeps: Partial<Change> = {}): void {
    touched.change = { kept: NONE, keepsExpiry: false, ...keeps, record };
    this.#changed.set(touched.identity, touched);
  }

  /** Returns whether there was a record. */
  delete(touched: TouchedId): boolean {
    if (!exists(touched)) return false;
    if (touched.base === undefined) {
      // It was never anywhere else.
      touched.change = undefined;
      this.#changed.delete(touched.identity);
    } else {
      touched.change = { record: undefined, kept: NONE, keepsExpiry: false };
      this.#changed.set(touched.identity, touched);
    }
    return true;
  }
}

/** Whether the transaction sees a record of that id. */
export function exists({ base, change }: TouchedId): boolean {
  return (change === undefined ? base : change.record) !== undefined;
}
