/**
 * Brings pages into memory: codes for a walk, both columns, pinned, for a change.
 */
import { assert } from '../base/assert.ts';
import { CorruptionError } from '../errors.ts';
import type { PageStates } from './page-states.ts';
import type { Columns, SpaceCheckpoint } from './space-checkpoint.ts';

export interface PageResidenceOptions {
  readonly columns: Columns;
  readonly checkpoint: SpaceCheckpoint;
  readonly states: PageStates;
  /** Path of the page file, for errors. */
  readonly file: string;
}

export class PageResidence {
  readonly #columns: Columns;
  readonly #checkpoint: SpaceCheckpoint;
  readonly #states: PageStates;
  readonly #file: string;

  constructor({ columns, checkpoint, states, file }: PageResidenceOptions) {
    this.#columns = columns;
    this.#checkpoint = checkpoint;
    this.#states = states;
    this.#file = file;
  }

  /** The address of the page's code cell, masks filled; reads it if need be. */
  codes(page: number): number {
    const found = this.#columns.codes.find(page);
    return found === 0 ? this.#loadCodes(page) : found;
  }

  /**
   * Makes `page` dirty: both columns in memory and pinned, the slices that a running checkpoint has still
   * to write copied. `isNew`: the page has no slices. `planned`: on behalf of the plan under way. After an
   * error everything is as before, besides the cache.
   */
  makeWritable(page: number, { isNew, planned }: { isNew: boolean; planned: boolean }): void {
    const { pages } = this.#checkpoint;
    if (pages.has(page)) return;
    if (pages.isPinned(page)) this.#checkpoint.protect(page);
    else if (isNew) this.#create(page);
    else this.#pin(page);
    pages.add(page, planned);
    this.#checkpoint.recount();
  }

  /** Frees the cells of a page that a plan opened and a rollback undoes. */
  drop(page: number): void {
    this.#columns.codes.drop(page);
    this.#columns.originals?.drop(page);
  }

  /** The error for a page that is neither in memory nor on disk. */
  missing(page: number): CorruptionError {
    const what = `page ${page} of space ${this.#checkpoint.id} has no place in the page file`;
    return new CorruptionError(what, { file: this.#file, offset: 0 });
  }

  #loadCodes(page: number): number {
    const place = this.#checkpoint.places(page)?.codes;
    if (place === undefined) throw this.missing(page);
    const show = (address: number): void => this.#states.showAt(page, address);
    return this.#columns.codes.load(page, place, show);
  }

  #create(page: number): void {
    const { codes, originals } = this.#columns;
    codes.create(page);
    try {
      originals?.create(page);
      this.#states.show(page);
    } catch (error) {
      this.drop(page);
      throw error;
    }
  }

  #pin(page: number): void {
    const { codes, originals } = this.#columns;
    if (codes.peek(page) === 0) this.#loadCodes(page);
    codes.pin(page);
    if (originals === undefined) return;
    try {
      if (originals.peek(page) === 0) {
        const place = this.#checkpoint.places(page)?.originals;
        if (place === undefined) throw this.missing(page);
        originals.load(page, place);
      }
      originals.pin(page);
    } catch (error) {
      codes.unpin(page);
      throw error;
    }
    assert(codes.peek(page) !== 0, 'a pinned page is in memory');
  }
}
