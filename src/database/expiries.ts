/**
 * Which records of a collection have expired, without a look at the others: field 255 of the collection in the
 * tree `fields`, by the second in which they do. Records that have expired are gone for every reader at once; until
 * they are deleted (`expirer.ts`) they still count in the counters, and lie in pages and indexes.
 *
 *   key     hi = collection << 8 | 255, lo = second of the expiry since 1970
 *   value   set of pairs (0, record number)
 */
import { CorruptionError } from '../errors.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import {
  encodePairOperand,
  NO_PAIRS,
  type PairSet,
  pairCount,
  readPairs,
} from '../lsm/pair-set.ts';
import type { WriteBatch } from '../lsm/write-batch.ts';
import type { ReadView } from './read-view.ts';
import type { RecordReader } from './record-reader.ts';
import { EXPIRY_FIELD, FIELDS_TREE } from './trees.ts';

/** Later expiries, beyond the year 2106, have no key: they are refused. */
export const EXPIRY_SECONDS_MAX = 0xffffffff;

/** Records that have expired at a view, and the moment at which there are more of them. */
export interface Expired {
  readonly records: readonly number[];
  /** In ms since 1970; infinity: none will. */
  readonly until: number;
}

const NEVER = Number.POSITIVE_INFINITY;
const NONE: Expired = { records: [], until: NEVER };

function expiryHi(collection: number): number {
  return ((collection << 8) | EXPIRY_FIELD) >>> 0;
}

function secondOf(expiresAt: number): number {
  return Math.floor(expiresAt / 1000);
}

/** Lists of record numbers by second, ascending, at `sequence`. */
function* listsOf(
  engine: LsmEngine,
  collection: number,
  sequence: number,
  fromLo = 0,
): Generator<{ readonly second: number; readonly records: Uint32Array }> {
  const hi = expiryHi(collection);
  const range = { fromHi: hi, toHi: hi, fromLo, toLo: 0xffffffff, sequence };
  const scan = engine.scan(FIELDS_TREE, range);
  try {
    while (scan.next()) {
      const pairs = readPairs(scan.value);
      if (pairs === undefined) throw damaged();
      yield { second: scan.lo, records: pairs.low.subarray(0, pairs.count) };
    }
  } finally {
    scan.close();
  }
}

/** All records that ever expire, with the second of the index. For `check`. */
export function* indexedExpiries(
  engine: LsmEngine,
  collection: number,
  sequence: number,
): Generator<{ readonly second: number; readonly record: number }> {
  for (const { second, records } of listsOf(engine, collection, sequence)) {
    for (const record of records) yield { second, record };
  }
}

/** What one commit changes in the index. */
export class ExpiryChanges {
  readonly #collection: number;
  /** By second: record numbers, and whether each is added. */
  readonly #changes = new Map<number, Map<number, boolean>>();

  constructor(collection: number) {
    this.#collection = collection;
  }

  /** A record expires at another time than before; undefined: never, or there is no record. */
  change(record: number, before: number | undefined, after: number | undefined): void {
    const [old, next] = [before, after].map((at) => (at === undefined ? undefined : secondOf(at)));
    if (old === next) return;
    if (old !== undefined) this.#at(old).set(record, false);
    if (next !== undefined) this.#at(next).set(record, true);
  }

  /** Of an index that is empty: operands, by key. */
  entries(): { readonly hi: number; readonly lo: number; readonly value: Uint8Array }[] {
    const hi = expiryHi(this.#collection);
    const seconds = [...this.#changes].sort(([a], [b]) => a - b);
    return seconds.map(([lo, changes]) => {
      const added = pairsOf(changes, true);
      return { hi, lo, value: encodePairOperand({ added, removed: NO_PAIRS }) };
    });
  }

  /** `sequence` is that before the commit. A key that becomes empty goes. */
  writeTo(batch: WriteBatch, engine: LsmEngine, sequence: number): void {
    const hi = expiryHi(this.#collection);
    for (const [lo, changes] of this.#changes) {
      const added = pairsOf(changes, true);
      const removed = pairsOf(changes, false);
      const stored = added.count > 0 ? undefined : engine.get(FIELDS_TREE, hi, lo, sequence);
      if (stored !== undefined && pairCount(stored) === removed.count) {
        batch.delete(FIELDS_TREE, hi, lo);
      } else {
        batch.merge(FIELDS_TREE, hi, lo, encodePairOperand({ added, removed }));
      }
    }
  }

  #at(second: number): Map<number, boolean> {
    let changes = this.#changes.get(second);
    if (changes === undefined) {
      changes = new Map();
      this.#changes.set(second, changes);
    }
    return changes;
  }
}

export class Expiries {
  readonly #engine: LsmEngine;
  readonly #reader: RecordReader;
  readonly #collection: number;
  readonly #changedSequence: () => number;
  /** No record expires before it, as far as commits are applied. */
  #soonest: number;
  /** Readers at this sequence and later ones find nothing before that second: only what was deleted. */
  #floor = { sequence: 0, second: 0 };
  #last: (Expired & { readonly sequence: number; readonly from: number }) | undefined;

  /** `changedSequence` gives that of the last commit that changed records. One seek. */
  constructor(
    engine: LsmEngine,
    reader: RecordReader,
    { collection, changedSequence }: { collection: number; changedSequence: () => number },
  ) {
    this.#engine = engine;
    this.#reader = reader;
    this.#collection = collection;
    this.#changedSequence = changedSequence;
    const [first] = listsOf(engine, collection, engine.appliedSequence);
    this.#soonest = first === undefined ? NEVER : 1000 * first.second;
    this.#mayExpire = first !== undefined;
  }

  /** Whether any record ever had an expiry since the collection was opened. */
  #mayExpire: boolean;

  /** In ms since 1970: no record expires before it. Infinity: none does. */
  get soonest(): number {
    return this.#soonest;
  }

  /** A commit has a record that expires then. */
  note(expiresAt: number): void {
    this.#mayExpire = true;
    this.#soonest = Math.min(this.#soonest, expiresAt);
    const { sequence, second } = this.#floor;
    this.#floor = { sequence, second: Math.min(second, secondOf(expiresAt)) };
  }

  /** Records that are gone for a reader and not deleted. Nothing is read where no record expires. */
  at(view: ReadView): Expired {
    if (!this.#mayExpire) return NONE;
    const last = this.#last;
    if (last !== undefined && view.now >= last.from && view.now < last.until) {
      const changed = this.#changedSequence();
      const isUnchanged = last.sequence >= changed && view.sequence >= changed;
      if (last.sequence === view.sequence || isUnchanged) return last;
    }
    const found = this.#find(view);
    this.#last = { ...found, sequence: view.sequence, from: view.now };
    return found;
  }

  /** After expired records were deleted, between two commits. */
  refresh(now: number): void {
    const sequence = this.#engine.appliedSequence;
    const { records, until } = this.at({ sequence, now });
    this.#soonest = records.length > 0 ? now : until;
    // What is to come lies in the present second or behind it.
    if (records.length === 0) this.#floor = { sequence, second: secondOf(now) };
  }

  #find({ sequence, now }: ReadView): Expired {
    const present = secondOf(now);
    const gone: number[] = [];
    let until = NEVER;
    const from = sequence >= this.#floor.sequence ? this.#floor.second : 0;
    for (const { second, records } of listsOf(this.#engine, this.#collection, sequence, from)) {
      if (second > present) {
        if (records.length === 0) continue;
        until = Math.min(until, 1000 * second);
        break;
      }
      for (const record of records) {
        // Within the present second, the head says it to the millisecond.
        const at = second < present ? 0 : this.#reader.head(record, sequence)?.expiresAt;
        if (at === undefined) continue;
        if (at <= now) gone.push(record);
        else until = Math.min(until, at);
      }
    }
    return { records: gone, until };
  }
}

function pairsOf(changes: ReadonlyMap<number, boolean>, isAdded: boolean): PairSet {
  const records = [...changes].filter(([, added]) => added === isAdded).map(([record]) => record);
  if (records.length === 0) return NO_PAIRS;
  const low = Uint32Array.from(records).sort();
  return { high: new Uint32Array(low.length), low, count: low.length };
}

function damaged(): CorruptionError {
  return new CorruptionError('a list of expiries is malformed', { file: 'tree fields', offset: 0 });
}
