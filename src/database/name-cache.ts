/**
 * Ids and nodes of records that searches have named, decoded and side by side: the blocks of heads are mostly cold in the
 * processor's caches, and to find ten heads there takes a twentieth of a search, or an eighth of one over many vectors.
 *
 * Only what tables hold is kept, and only as long as they hold it. What commits have changed since lies in a memtable,
 * where it is looked for first; a flush or a merge makes other tables, and all is forgotten. Readers older than the tables
 * do not ask. So nothing has to be told of writes.
 *
 * A record has one place, from which it pushes the one that was there.
 */
import type { LsmEngine } from '../lsm/engine.ts';
import type { RecordId } from './record.ts';
import { HEADS_TREE } from './trees.ts';

/** Of a key, a node and a reference. */
const PLACE_BYTES = 20;
/** What a string takes beside its characters. */
const TEXT_BYTES = 24;
/** Of the memory, what is for places; the rest is for strings. */
const PLACES_SHARE = 0.75;

const NO_KEY = -1;

export class NameCache {
  readonly #engine: LsmEngine;
  /** A power of two; 0: nothing is kept. */
  readonly #places: number;
  readonly #textBytesMax: number;
  /** Collection and record in one number. Empty until something is kept. */
  #keys = new Float64Array(0);
  #nodes = new Uint32Array(0);
  #ids: RecordId[] = [];
  #textBytes = 0;
  /** What stands for the tables that all this is from. */
  #tables: object | undefined;

  /** Takes at most `bytesMax`, and nothing before the first record is kept. */
  constructor(engine: LsmEngine, bytesMax: number) {
    const places = (PLACES_SHARE * bytesMax) / PLACE_BYTES;
    this.#engine = engine;
    this.#places = places < 1 ? 0 : 2 ** Math.floor(Math.log2(places));
    this.#textBytesMax = bytesMax - this.#places * PLACE_BYTES;
  }

  get bytes(): number {
    return this.#keys.length * PLACE_BYTES + this.#textBytes;
  }

  /** The place of a record as a reader at `sequence` sees it, or -1. */
  find(collection: number, record: number, sequence: number): number {
    const keys = this.#keys;
    const place = placeOf(collection, record) & (keys.length - 1);
    if (keys[place] !== keyOf(collection, record)) return -1;
    const engine = this.#engine;
    if (engine.tablesAt(HEADS_TREE, sequence) !== this.#tables) return -1;
    return engine.isBuffered(HEADS_TREE, collection, record, sequence) ? -1 : place;
  }

  /** Node of the record in the default vector space. */
  nodeAt(place: number): number {
    return this.#nodes[place];
  }

  idAt(place: number): RecordId {
    return this.#ids[place];
  }

  /** Keeps what a reader at `sequence` has read in this turn of the event loop, unless others may see something else. */
  keep(
    collection: number,
    record: number,
    sequence: number,
    { node, id }: { readonly node: number; readonly id: RecordId },
  ): void {
    if (this.#places === 0) return;
    const tables = this.#engine.tablesAt(HEADS_TREE, sequence);
    if (tables === undefined) return;
    if (this.#engine.isBuffered(HEADS_TREE, collection, record, sequence)) return;
    const textBytes = typeof id === 'number' ? 0 : TEXT_BYTES + 2 * String(id).length;
    const isFull = this.#textBytes + textBytes > this.#textBytesMax;
    if (tables !== this.#tables || isFull) this.#forget();
    this.#tables = tables;
    const place = placeOf(collection, record) & (this.#places - 1);
    this.#keys[place] = keyOf(collection, record);
    this.#nodes[place] = node;
    this.#ids[place] = id;
    // What is pushed out counts on until all is forgotten.
    this.#textBytes += textBytes;
  }

  #forget(): void {
    if (this.#keys.length === 0) {
      this.#keys = new Float64Array(this.#places);
      this.#nodes = new Uint32Array(this.#places);
    }
    this.#keys.fill(NO_KEY);
    this.#ids = new Array<RecordId>(this.#places);
    this.#textBytes = 0;
  }
}

function keyOf(collection: number, record: number): number {
  return collection * 2 ** 32 + record;
}

/** Neighbours stay neighbours; collections begin elsewhere. */
function placeOf(collection: number, record: number): number {
  return record + Math.imul(collection, 0x9e3779b1);
}
