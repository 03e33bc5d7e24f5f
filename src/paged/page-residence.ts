/**
 * Brings pages into memory: codes for a walk, and, pinned, for a change.
 */
import { CorruptionError } from '../errors.ts';
import type { PageFile } from './page-file.ts';
import type { PageStates } from './page-states.ts';
import type { Columns, SpaceCheckpoint } from './space-checkpoint.ts';

export interface PageResidenceOptions {
  readonly columns: Columns;
  readonly checkpoint: SpaceCheckpoint;
  readonly states: PageStates;
  readonly file: PageFile;
}

export class PageResidence {
  readonly #columns: Columns;
  readonly #checkpoint: SpaceCheckpoint;
  readonly #states: PageStates;
  readonly #file: PageFile;

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
   * Makes `page` dirty: its codes in memory and pinned, and copied if a running checkpoint has still to write
   * them. `isNew`: the page has no slices. `planned`: on behalf of the plan under way. After an
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
    return new CorruptionError(what, { file: this.#file.path, offset: 0 });
  }

  #loadCodes(page: number): number {
    const place = this.#checkpoint.codesAt(page);
    if (place === undefined) throw this.missing(page);
    const show = (address: number): void => this.#states.showAt(page, address);
    return this.#columns.codes.load(page, place, show);
  }

  #create(page: number): void {
    this.#columns.codes.create(page);
    try {
      this.#states.show(page);
    } catch (error) {
      this.drop(page);
      throw error;
    }
  }

  #pin(page: number): void {
    const { codes } = this.#columns;
    if (codes.peek(page) === 0) this.#loadCodes(page);
    this.#verifyOriginals(page);
    codes.pin(page);
  }

  /** The next checkpoint will read them: a change that goes to a damaged slice must fail, not the checkpoint. */
  #verifyOriginals(page: number): void {
    const { originals } = this.#columns;
    if (originals === undefined || originals.peek(page) !== 0) return;
    const place = this.#checkpoint.places(page)?.originals;
    if (place === undefined) throw this.missing(page);
    this.#file.readSlice(place, this.#file.scratch(originals.cellBytes));
  }
}
