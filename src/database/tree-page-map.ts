import type { LsmEngine } from '../lsm/engine.ts';
import { bitsHi, FREE_UNITS_HI, type PageMap, type PagePart, pageKey } from '../paged/page-map.ts';
import { PAGES_TREE } from './trees.ts';

/** The map of pages, read from the tree `pages`. */
export class TreePageMap implements PageMap {
  readonly #engine: LsmEngine;

  constructor(engine: LsmEngine) {
    this.#engine = engine;
  }

  get(space: number, page: number, part: PagePart, sequence?: number): Uint8Array | undefined {
    return this.#engine.get(PAGES_TREE, space, pageKey(page, part), sequence);
  }

  getBits(space: number, lo: number): Uint8Array | undefined {
    return this.#engine.get(PAGES_TREE, bitsHi(space), lo);
  }

  getFreeUnits(chunk: number): Uint8Array | undefined {
    return this.#engine.get(PAGES_TREE, FREE_UNITS_HI, chunk);
  }
}
