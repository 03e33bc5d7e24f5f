/**
 * The neighbour lists that a plan has changed: pinned in memory, because the store does not have them
 * yet, and remembered with what is needed to write them, or to forget them.
 */
import { assert } from '../base/assert.ts';
import type { ListCache } from './list-cache.ts';

export interface TouchedList {
  readonly layer: number;
  readonly node: number;
  /** How many ids the list had before the plan; -1 for a node that the plan inserts. */
  readonly before: number;
  /** Not only appended to: otherwise the new ids stand behind the first `before`. */
  readonly rewritten: boolean;
  /** The list before the plan, if it was rewritten and such lists are kept. */
  readonly replaced: Uint32Array | undefined;
  /** The list now: a view, made when it is asked for, that is borrowed until the plan ends. */
  readonly list: Uint32Array;
}

const NEW = -1;

/** So many are let go in one step of `settling`: a few microseconds. */
const LISTS_PER_STEP = 32;

class Touched implements TouchedList {
  readonly layer: number;
  readonly node: number;
  readonly before: number;
  rewritten = false;
  replaced: Uint32Array | undefined;
  readonly #lists: ListCache;

  constructor(lists: ListCache, layer: number, node: number, before: number) {
    this.#lists = lists;
    this.layer = layer;
    this.node = node;
    this.before = before;
  }

  get list(): Uint32Array {
    return this.#lists.idsAt(this.#lists.find(this.layer, this.node));
  }
}

export class TouchedLists {
  readonly #lists: ListCache;
  readonly #keepsReplaced: boolean;
  /** By layer, then by node. */
  #byLayer: Map<number, Touched>[] = [];
  /** The store has them, and they are still pinned. */
  #committed: Map<number, Touched>[] = [];

  /** `keepsReplaced`: whether somebody asks what rewritten lists were before. */
  constructor(lists: ListCache, keepsReplaced: boolean) {
    this.#lists = lists;
    this.#keepsReplaced = keepsReplaced;
  }

  get count(): number {
    return this.#byLayer.reduce((sum, layer) => sum + layer.size, 0);
  }

  /** Writes the list of a new node. */
  create(layer: number, node: number, ids: Uint32Array): void {
    const list = this.#lists.create(layer, node);
    this.#lists.pin(layer, node);
    this.#layer(layer).set(node, new Touched(this.#lists, layer, node, NEW));
    this.#lists.fill(list, ids);
  }

  /** Makes a list ready to be appended to: in memory, pinned, remembered. Returns its address. */
  touch(layer: number, node: number): number {
    const touched = this.#layer(layer);
    const list = this.#lists.loadPage(layer, node);
    if (!touched.has(node)) {
      this.#lists.pin(layer, node);
      touched.set(node, new Touched(this.#lists, layer, node, this.#lists.countAt(list)));
    }
    return list;
  }

  /**
   * Before a touched list is chosen anew: keeps the ids that the store has, if somebody asks for them. Afterwards with
   * the address at which the ids stand that it had before.
   */
  keepReplaced(layer: number, node: number, beforeAt?: number): void {
    const touched = this.#layer(layer).get(node);
    if (touched === undefined || touched.before === NEW || touched.rewritten) return;
    touched.rewritten = true;
    if (!this.#keepsReplaced) return;
    const at = beforeAt ?? this.#lists.find(layer, node) + 4;
    touched.replaced = this.#lists.copyIds(at, touched.before);
  }

  /** In the order of their first touch, layer by layer. */
  *entries(): IterableIterator<TouchedList> {
    for (const layer of this.#byLayer) yield* layer.values();
  }

  /** The store has them. O(1): `settling` must follow before the next list is touched. */
  commit(): void {
    this.#committed = this.#byLayer;
    this.#byLayer = [];
  }

  /** Committed lists may be evicted from now on, a few of them a step. */
  *settling(): Generator<void, void> {
    let count = 0;
    for (const layer of this.#committed) {
      for (const { layer: number, node } of layer.values()) {
        // The first list of a page lets all of them go, and in a pause they may.
        if (this.#lists.find(number, node) !== 0) this.#lists.unpin(number, node);
        if (++count % LISTS_PER_STEP === 0) yield;
      }
    }
    this.#committed = [];
  }

  /** The store will not have them: they are forgotten, and read again when needed. */
  rollback(): void {
    for (const layer of this.#byLayer) {
      for (const { layer: number, node } of layer.values()) {
        this.#lists.unpin(number, node);
        this.#lists.drop(number, node);
      }
    }
    this.#byLayer.length = 0;
  }

  #layer(layer: number): Map<number, Touched> {
    assert(this.#committed.length === 0, 'a commit is settled before the next list is touched');
    while (this.#byLayer.length <= layer) this.#byLayer.push(new Map());
    return this.#byLayer[layer];
  }
}
