/**
 * The content of one file of the memory file system, twice: as programs see it, and as it would be
 * found after a power failure. Only a finished sync makes the two equal.
 *
 * What a crash may keep of the difference is decided sector by sector and for the length apart: a disk
 * writes neither in the order of the calls. Bytes behind the end are always zero, in both images.
 */
import type { Random } from '../base/random.ts';

/** What a disk writes as a whole. */
export const SECTOR_BYTES = 512;

/** A sync on its way: the sectors and the length at the moment of the call. */
interface Flight {
  readonly sectors: ReadonlyMap<number, Uint8Array>;
  readonly size: number;
}

export class CrashableFile {
  #current: Image;
  #durable: Image;
  /** Sectors in which the two images may differ. */
  #dirty = new Set<number>();
  readonly #flights = new Set<Flight>();

  constructor(durable: Image = new Image()) {
    this.#current = durable.copy();
    this.#durable = durable;
  }

  get size(): number {
    return this.#current.size;
  }

  /** Copies what lies at `position` and returns the number of bytes, less than asked for at the end. */
  read(target: Uint8Array, position: number): number {
    const end = Math.min(position + target.length, this.#current.size);
    if (end <= position) return 0;
    target.set(this.#current.bytes.subarray(position, end));
    return end - position;
  }

  write(source: Uint8Array, position: number): void {
    if (source.length === 0) return;
    const end = position + source.length;
    this.#current.reserve(end);
    this.#current.bytes.set(source, position);
    if (end > this.#current.size) this.#current.size = end;
    this.#markDirty(position, end);
  }

  truncate(size: number): void {
    const before = this.#current.size;
    this.#current.resize(size);
    this.#markDirty(Math.min(size, before), Math.max(size, before));
  }

  /** Begins a sync of what was written until now; the returned function ends it. */
  beginSync(): () => void {
    const sectors = new Map<number, Uint8Array>();
    for (const sector of this.#dirty) sectors.set(sector, this.#current.sector(sector).slice());
    this.#dirty = new Set();
    const flight: Flight = { sectors, size: this.#current.size };
    this.#flights.add(flight);
    return () => {
      this.#flights.delete(flight);
      for (const [sector, bytes] of sectors) this.#durable.writeSector(sector, bytes);
      this.#durable.resize(flight.size);
    };
  }

  /** A file as a crash might leave this one. Each unsynced sector is kept with the given probability. */
  crashed(random: Random, keepUnsynced: number): CrashableFile {
    const left = this.#durable.copy();
    let size = left.size;
    for (const flight of this.#flights) {
      for (const [sector, bytes] of flight.sectors) {
        if (random() < keepUnsynced) left.writeSector(sector, bytes);
      }
      size = crashedSize(size, flight.size, random, keepUnsynced);
    }
    for (const sector of this.#dirty) {
      if (random() < keepUnsynced) left.writeSector(sector, this.#current.sector(sector));
    }
    left.resize(crashedSize(size, this.#current.size, random, keepUnsynced));
    return new CrashableFile(left);
  }

  #markDirty(start: number, end: number): void {
    const last = Math.ceil(end / SECTOR_BYTES);
    for (let i = Math.floor(start / SECTOR_BYTES); i < last; i++) this.#dirty.add(i);
  }
}

/** The new length, the old one, or, as several writes may have moved it, one in between. */
function crashedSize(before: number, after: number, random: Random, keepUnsynced: number): number {
  if (random() < keepUnsynced) return after;
  if (keepUnsynced === 0 || random() < 0.5) return before;
  return before + Math.round((after - before) * random());
}

/** Growable bytes. The room behind `size` is zero, except while a crash puts an image together. */
class Image {
  bytes: Uint8Array = new Uint8Array(0);
  size = 0;

  copy(): Image {
    const copy = new Image();
    copy.bytes = this.bytes.slice();
    copy.size = this.size;
    return copy;
  }

  reserve(bytes: number): void {
    if (bytes <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(bytes, 2 * this.bytes.length, SECTOR_BYTES));
    grown.set(this.bytes);
    this.bytes = grown;
  }

  resize(size: number): void {
    this.reserve(size);
    this.bytes.fill(0, size);
    this.size = size;
  }

  /** The sector's bytes as they are stored; whole, even at the end of the file. */
  sector(sector: number): Uint8Array {
    const end = (sector + 1) * SECTOR_BYTES;
    this.reserve(end);
    return this.bytes.subarray(end - SECTOR_BYTES, end);
  }

  writeSector(sector: number, source: Uint8Array): void {
    this.sector(sector).set(source);
  }
}
