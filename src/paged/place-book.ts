/**
 * What a space knows of its places without looking at any page: counters, open pages, sections. A plan
 * saves it at its beginning and, when it is rolled back, gets back exactly what was.
 *
 * Counters as bytes: format 1, then varints: slots a page, pages, used places, living nodes, ghosts.
 */
import { VARINT_SIZE_MAX, VarintReader, writeVarint } from '../base/varint.ts';
import { CorruptionError } from '../errors.ts';
import { OpenPages } from './open-pages.ts';
import { FILL_MIN } from './place-policy.ts';
import { SectionPages } from './section-pages.ts';

const FORMAT = 1;

export interface PageCounters {
  /** Page numbers are 0 to `pages` - 1. */
  readonly pages: number;
  /** Used places: living nodes and ghosts. */
  readonly nodes: number;
  readonly live: number;
  readonly ghosts: number;
}

export class PlaceBook {
  readonly openPages: OpenPages = new OpenPages();
  readonly sections: SectionPages = new SectionPages();
  /** No place is given on pages from this one on: they are being emptied. */
  ceiling: number = Number.POSITIVE_INFINITY;
  readonly #slotsPerPage: number;
  #counters: PageCounters = { pages: 0, nodes: 0, live: 0, ghosts: 0 };
  #saved: PageCounters = this.#counters;
  #savedCeiling: number = this.ceiling;

  constructor(slotsPerPage: number) {
    this.#slotsPerPage = slotsPerPage;
  }

  get counters(): PageCounters {
    return this.#counters;
  }

  /** Share of the slots of all pages that are used; 1 without pages. */
  get fill(): number {
    const { pages, nodes } = this.#counters;
    return pages === 0 ? 1 : nodes / (pages * this.#slotsPerPage);
  }

  get isSparse(): boolean {
    return this.fill < FILL_MIN || this.ceiling < this.#counters.pages;
  }

  /** Notes how many slots of a page can be given. */
  noteFree(page: number, free: number): void {
    this.openPages.note(page, page < this.ceiling ? free : 0);
  }

  /** Adds to the counters. */
  count(change: Partial<PageCounters>): void {
    const { pages, nodes, live, ghosts } = this.#counters;
    this.#counters = {
      pages: pages + (change.pages ?? 0),
      nodes: nodes + (change.nodes ?? 0),
      live: live + (change.live ?? 0),
      ghosts: ghosts + (change.ghosts ?? 0),
    };
  }

  save(): void {
    this.#saved = this.#counters;
    this.#savedCeiling = this.ceiling;
    this.openPages.save();
    this.sections.save();
  }

  restore(): void {
    this.#counters = this.#saved;
    this.ceiling = this.#savedCeiling;
    this.openPages.restore();
    this.sections.restore();
  }

  encodeCounters(): Uint8Array {
    const { pages, nodes, live, ghosts } = this.#counters;
    const bytes = new Uint8Array(1 + 5 * VARINT_SIZE_MAX);
    bytes[0] = FORMAT;
    let end = 1;
    for (const value of [this.#slotsPerPage, pages, nodes, live, ghosts]) {
      end = writeVarint(bytes, end, value);
    }
    return bytes.slice(0, end);
  }

  /** `file` only names the place in an error. */
  decodeCounters(bytes: Uint8Array, file: string): void {
    const reader = new VarintReader(bytes, 1);
    const slots = reader.next();
    const pages = reader.next();
    const nodes = reader.next();
    const live = reader.next();
    const ghosts = reader.next();
    const isWhole = bytes[0] === FORMAT && ghosts >= 0 && reader.position === bytes.length;
    if (
      !isWhole ||
      slots !== this.#slotsPerPage ||
      live + ghosts !== nodes ||
      nodes > slots * pages
    ) {
      throw new CorruptionError('impossible page counters', { file, offset: 0 });
    }
    this.#counters = { pages, nodes, live, ghosts };
  }
}
