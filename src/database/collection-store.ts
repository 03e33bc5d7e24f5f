/**
 * One collection inside the database: its vector spaces, its counters as the writer sees them, and the reader
 * of its records.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import { NodeBits } from '../hnsw/node-bits.ts';
import type { WriteBatch } from '../lsm/write-batch.ts';
import {
  type CatalogEntry,
  noVectors,
  type RecordCounters,
  readCounters,
  readSpaceCounters,
  spacesOf,
  writeCounters,
} from './catalog.ts';
import { Expiries } from './expiries.ts';
import { NO_NODE, nodeOf } from './head.ts';
import type { EffectiveCollectionOptions } from './options.ts';
import type { ReadView } from './read-view.ts';
import { RecordChanges } from './record-changes.ts';
import { RecordReader } from './record-reader.ts';
import type { Stores } from './stores.ts';
import type { VectorAttachment } from './vector-attachment.ts';
import { VectorStore } from './vector-store.ts';

export class CollectionStore {
  readonly entry: CatalogEntry;
  readonly reader: RecordReader;
  /** All vector spaces, by ordinal. */
  readonly vectorStores: readonly VectorStore[];
  /** The default vector space, if there is one. */
  readonly main: VectorStore | undefined;
  /** Named vector spaces. */
  readonly named: ReadonlyMap<string, VectorStore>;
  /** Of records, as the writer has applied them; readers take theirs from the tree. */
  readonly counters: RecordCounters;
  /** Which records have expired. */
  readonly expiries: Expiries;
  /** In effect: `exactBelow` is that of the last `Database.collection` call. */
  options: EffectiveCollectionOptions;
  /** Sequence of the last commit that changed which records there are. */
  changedSequence = 0;
  /** Which records the last commits changed. */
  readonly changes: RecordChanges = new RecordChanges();
  /** Records that were changed since a bulk load that has still to complete what it loaded; undefined: none has. */
  #sinceLoad: NodeBits | undefined;
  /** What took its place when it was emptied. */
  successor: CollectionStore | undefined;
  /** Of the commit that dropped or emptied it since the database was opened; 0: none did. */
  droppedSequence = 0;
  /** Counters at the beginning of the plan under way. */
  #before: RecordCounters | undefined;

  constructor(stores: Stores, entry: CatalogEntry) {
    this.entry = entry;
    this.options = entry.options;
    const { engine, hasher } = stores;
    const { collection } = entry;
    this.reader = new RecordReader(engine, hasher, collection);
    const { nextRecord, records, ...counters } = readCounters(engine, collection);
    this.counters = { nextRecord, records };
    const changedSequence = (): number => this.changedSequence;
    this.expiries = new Expiries(engine, this.reader, { collection, changedSequence });
    this.vectorStores = spacesOf(entry).map((space) => {
      const isMain = space.ordinal === 0;
      return new VectorStore(stores, {
        entry: space,
        counters: isMain ? counters : readSpaceCounters(engine, space.space),
        seed: space.options.seed + nextRecord,
        countersAt: (sequence) =>
          isMain
            ? readCounters(engine, collection, sequence)
            : readSpaceCounters(engine, space.space, sequence),
      });
    });
    this.main = this.vectorStores.find(({ ordinal }) => ordinal === 0);
    const named = this.vectorStores.filter(({ ordinal }) => ordinal > 0);
    this.named = new Map(named.map((space) => [space.name, space]));
  }

  /** How many records have expired in a view, and how many of their vectors are in each space. */
  expiredIn(view: ReadView): { readonly records: number; vectors(ordinal: number): number } {
    const { records } = this.expiries.at(view);
    const vectors = (ordinal: number): number =>
      records.filter((record) => {
        const head = this.reader.head(record, view.sequence);
        return head !== undefined && nodeOf(head, ordinal) !== NO_NODE;
      }).length;
    return { records: records.length, vectors };
  }

  /** What a call on a collection that was dropped throws. */
  gone(): DatabaseError {
    const { name } = this.entry;
    return this.successor === undefined
      ? new DatabaseError('NOT_FOUND', `the collection '${name}' was dropped`)
      : new DatabaseError('CONFLICT', `the collection '${name}' was emptied meanwhile; try again`);
  }

  /** Gives its memory back: nobody uses it any more. */
  release(): void {
    for (const space of this.vectorStores) space.release();
  }

  /** The default vector space, of a collection that has one. */
  get defaultSpace(): VectorStore {
    assert(this.main !== undefined, 'the collection has a default vector space');
    return this.main;
  }

  /** The vector space of a name that has been checked; undefined: the default one. */
  spaceNamed(vectorName: string | undefined): VectorStore {
    const space = vectorName === undefined ? this.main : this.named.get(vectorName);
    assert(space !== undefined, 'the name of a vector space has been checked');
    return space;
  }

  /** Makes a vector of the log, that was not in the pages yet, be in them again. */
  replay(attachment: VectorAttachment): void {
    this.vectorStores.find(({ id }) => id === attachment.space)?.replay(attachment);
  }

  /** After the last vector of the log. */
  finishReplay(): void {
    for (const { vectors } of this.vectorStores) vectors.bits?.finishReplay();
  }

  /** A commit of that sequence has changed those records; undefined: too many to name. */
  noteChanges(sequence: number, records: readonly number[] | undefined): void {
    this.changedSequence = sequence;
    this.changes.note(sequence, records);
    if (this.#sinceLoad !== undefined) for (const one of records ?? []) this.#sinceLoad.add(one);
  }

  /** In the turn of a bulk load, of which there is one: the records that are changed from now on, as they are. */
  followChanges(): NodeBits {
    this.#sinceLoad = new NodeBits();
    return this.#sinceLoad;
  }

  /** What `followChanges` holds in memory. */
  get followBytes(): number {
    return this.#sinceLoad?.bytes ?? 0;
  }

  unfollowChanges(): void {
    this.#sinceLoad = undefined;
  }

  /** From here on memory may differ from the trees, until `commitPlan` or `rollbackPlan`. */
  beginPlan(): void {
    this.#before = { ...this.counters };
    for (const space of this.vectorStores) space.beginPlan();
  }

  /** Writes all counters to the commit that is being planned. */
  writeCounters(batch: WriteBatch): void {
    const main = this.main?.plannedCounters() ?? noVectors();
    writeCounters(batch, this.entry.collection, { ...this.counters, ...main });
    for (const space of this.named.values()) space.writeCounters(batch);
  }

  /** In the moment in which readers begin to see the commit of that sequence. */
  commitPlan(sequence: number): void {
    for (const space of this.vectorStores) space.commitPlan(sequence);
    this.#before = undefined;
  }

  /** Undoes everything since `beginPlan`; `sequence` is that of the last commit. */
  rollbackPlan(sequence: number): void {
    for (const space of this.vectorStores) space.rollbackPlan(sequence);
    Object.assign(this.counters, this.#before);
    this.#before = undefined;
  }
}
