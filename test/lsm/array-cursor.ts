/** Entries of a tree as plain objects, a cursor over them, and the rules of visibility said naively. */
import type { EntryCursor } from '../../src/lsm/cursor.ts';
import { compareKeys, DELETE, type EntryKind, isEntryBefore, SET } from '../../src/lsm/entry.ts';
import { encodeList, readEdges, readList } from '../../src/lsm/list-codec.ts';

export interface Entry {
  readonly hi: number;
  readonly lo: number;
  readonly sequence: number;
  readonly kind: EntryKind;
  readonly value: Uint8Array;
}

export function byEntryOrder(a: Entry, b: Entry): number {
  return isEntryBefore(a.hi, a.lo, a.sequence, b.hi, b.lo, b.sequence) ? -1 : 1;
}

/** Over sorted entries. It hands out one buffer for all values, to catch users who keep a view. */
export class ArrayCursor implements EntryCursor {
  readonly #entries: readonly Entry[];
  #position = -1;
  #borrowed = new Uint8Array(0);
  isClosed = false;

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  get #entry(): Entry {
    return this.#entries[this.#position];
  }

  get valid(): boolean {
    return this.#position >= 0 && this.#position < this.#entries.length;
  }

  get hi(): number {
    return this.#entry.hi;
  }

  get lo(): number {
    return this.#entry.lo;
  }

  get sequence(): number {
    return this.#entry.sequence;
  }

  get kind(): EntryKind {
    return this.#entry.kind;
  }

  value(): Uint8Array {
    this.#borrowed = this.#entry.value.slice();
    return this.#borrowed;
  }

  seekFirst(): void {
    this.#move(0);
  }

  seek(hi: number, lo: number): void {
    const found = this.#entries.findIndex((entry) => compareKeys(entry.hi, entry.lo, hi, lo) >= 0);
    this.#move(found < 0 ? this.#entries.length : found);
  }

  next(): void {
    this.#move(this.#position + 1);
  }

  close(): void {
    this.#move(-1);
    this.isClosed = true;
  }

  #move(position: number): void {
    this.#borrowed.fill(0xff);
    this.#position = position;
  }
}

/** All entries from where the cursor stands. */
export function collectEntries(cursor: EntryCursor): Entry[] {
  const entries: Entry[] = [];
  for (; cursor.valid; cursor.next()) {
    const { hi, lo, sequence, kind } = cursor;
    entries.push({ hi, lo, sequence, kind, value: cursor.value().slice() });
  }
  return entries;
}

/** What `sequence` sees of a key: the entries replayed oldest first over a JavaScript set. */
export function naiveRead(
  entries: readonly Entry[],
  hi: number,
  lo: number,
  sequence: number,
): Uint8Array | undefined {
  const versions = entries
    .filter((entry) => entry.hi === hi && entry.lo === lo && entry.sequence <= sequence)
    .sort((a, b) => a.sequence - b.sequence);
  let ids: Set<number> | undefined;
  for (const { kind, value } of versions) {
    if (kind === DELETE) ids = undefined;
    else if (kind === SET) ids = new Set(readList(value));
    else ids = applied(ids ?? new Set(), value);
  }
  return ids === undefined ? undefined : encodeList(Uint32Array.from(ids).sort());
}

function applied(ids: Set<number>, operand: Uint8Array): Set<number> {
  const { added, removed } = readEdges(operand)!;
  const next = new Set(ids);
  for (const id of removed) next.delete(id);
  for (const id of added) next.add(id);
  return next;
}
