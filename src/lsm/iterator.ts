/**
 * An iterator: a place in the keys of a tree as one sequence number sees them, moved forward, backward and
 * by seeks.
 *
 * It is made of the two scans, `VisibleScan` upwards and `VisibleReverseScan` downwards, over the same
 * cursors; turning round starts the other one at the present key, at the cost of a seek.
 *
 * It holds its sequence, so that nothing which it sees is folded away, and the memtables and tables that it
 * reads from. When a newer version has taken their place, the next move goes on from there: an iterator that
 * lives long does not keep old files and memtables for longer than it stands still.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import type { EngineCore } from './engine-core.ts';
import type { EngineIterator, IteratorOptions, KeyBound, Snapshot } from './engine-options.ts';
import { compareKeys } from './entry.ts';
import { MergingCursor } from './merging-cursor.ts';
import { type KeyRange, ReadSources } from './read-sources.ts';
import { ReverseMerge } from './reverse-merge.ts';
import { VisibleReverseScan } from './visible-reverse-scan.ts';
import { VisibleScan } from './visible-scan.ts';

const KEY_HALF_MAX = 0xffffffff;

export function openIterator(
  core: EngineCore,
  tree: number,
  options: IteratorOptions = {},
): EngineIterator {
  const { appliedSequence } = core;
  const { snapshot, sequence = snapshot?.sequence ?? appliedSequence, reverse = false } = options;
  core.tree(tree);
  const range = resolveRange(options.from, options.to);
  const held = core.snapshots.take(Math.min(sequence, appliedSequence));
  return new TreeIterator(core, { tree, range, held, isReverse: reverse });
}

interface Choice {
  readonly tree: number;
  /** Undefined: no key is in it. */
  readonly range: KeyRange | undefined;
  readonly held: Snapshot;
  readonly isReverse: boolean;
}

/** Where it stands: before the first key of the range, on a key, or behind the last one. */
type Place = 'new' | 'before' | 'on' | 'behind';

class TreeIterator implements EngineIterator {
  readonly #core: EngineCore;
  readonly #choice: Choice;
  #place: Place = 'new';
  #hi = 0;
  #lo = 0;
  #sources: ReadSources | undefined;
  /** The one that goes the way of the last move. */
  #up: VisibleScan | undefined;
  #down: VisibleReverseScan | undefined;
  #isClosed = false;

  constructor(core: EngineCore, choice: Choice) {
    this.#core = core;
    this.#choice = choice;
    core.scans.add(this);
  }

  get valid(): boolean {
    return this.#place === 'on';
  }

  get sequence(): number {
    return this.#choice.held.sequence;
  }

  get hi(): number {
    assert(this.#place === 'on', 'an iterator has a key while it is valid');
    return this.#hi;
  }

  get lo(): number {
    assert(this.#place === 'on', 'an iterator has a key while it is valid');
    return this.#lo;
  }

  get value(): Uint8Array {
    const scan = this.#up ?? this.#down;
    assert(this.#place === 'on' && scan !== undefined, 'an iterator has a value while it is valid');
    return scan.value;
  }

  first(): boolean {
    return this.#choice.isReverse ? this.#seekDown(undefined) : this.#seekUp(undefined);
  }

  last(): boolean {
    return this.#choice.isReverse ? this.#seekUp(undefined) : this.#seekDown(undefined);
  }

  seek(hi: number, lo: number): boolean {
    assert(hi >>> 0 === hi && lo >>> 0 === lo, 'a key is two u32');
    return this.#choice.isReverse ? this.#seekDown({ hi, lo }) : this.#seekUp({ hi, lo });
  }

  next(): boolean {
    return this.#choice.isReverse ? this.#moveDown() : this.#moveUp();
  }

  prev(): boolean {
    return this.#choice.isReverse ? this.#moveUp() : this.#moveDown();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#letGo();
    this.#place = 'behind';
    this.#isClosed = true;
    this.#core.scans.delete(this);
    this.#choice.held.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #moveUp(): boolean {
    const up = this.#up;
    if (up !== undefined && this.#isCurrent()) return this.#stand(up, 'behind');
    if (this.#place === 'on') return this.#seekUp(keyAfter(this.#hi, this.#lo) ?? 'none');
    return this.#place === 'behind' ? this.#seekUp('none') : this.#seekUp(undefined);
  }

  #moveDown(): boolean {
    const down = this.#down;
    if (down !== undefined && this.#isCurrent()) return this.#stand(down, 'before');
    if (this.#place === 'on') return this.#seekDown(keyBefore(this.#hi, this.#lo) ?? 'none');
    return this.#place === 'before' ? this.#seekDown('none') : this.#seekDown(undefined);
  }

  /** To the first key from `key` on; undefined: of the whole range. */
  #seekUp(key: Key | 'none' | undefined): boolean {
    const sources = this.#turn();
    const { range } = this.#choice;
    if (range === undefined || sources === undefined || key === 'none') return this.#end('behind');
    const isInside =
      key !== undefined && compareKeys(key.hi, key.lo, range.fromHi, range.fromLo) > 0;
    const from = isInside ? { fromHi: key.hi, fromLo: key.lo } : {};
    const { cursors } = sources;
    const source = cursors.length === 1 ? cursors[0] : new MergingCursor(cursors);
    this.#up = new VisibleScan(source, { ...this.#view(), ...range, ...from });
    return this.#stand(this.#up, 'behind');
  }

  /** To the last key up to `key`; undefined: of the whole range. */
  #seekDown(key: Key | 'none' | undefined): boolean {
    const sources = this.#turn();
    const { range } = this.#choice;
    if (range === undefined || sources === undefined || key === 'none') return this.#end('before');
    const isInside = key !== undefined && compareKeys(key.hi, key.lo, range.toHi, range.toLo) < 0;
    const to = isInside ? { toHi: key.hi, toLo: key.lo } : {};
    const { cursors } = sources;
    const source = cursors.length === 1 ? cursors[0] : new ReverseMerge(cursors);
    this.#down = new VisibleReverseScan(source, { ...this.#view(), ...range, ...to });
    return this.#stand(this.#down, 'before');
  }

  /** Moves a scan, whose end is the `end` of the range. */
  #stand(scan: VisibleScan | VisibleReverseScan, end: 'before' | 'behind'): boolean {
    let isFound: boolean;
    try {
      isFound = scan.next();
    } catch (error) {
      this.#letGo(); // The next move seeks from the present key.
      throw error;
    }
    if (!isFound) return this.#end(end);
    this.#place = 'on';
    this.#hi = scan.hi;
    this.#lo = scan.lo;
    return true;
  }

  /** Holds no tables while it stands at an end. */
  #end(place: 'before' | 'behind'): false {
    this.#letGo();
    this.#place = place;
    return false;
  }

  /** Ends the scan under way and gives the cursors for another one. */
  #turn(): ReadSources | undefined {
    this.#requireOpen();
    const { tree, range } = this.#choice;
    if (!this.#isCurrent()) this.#letGo();
    this.#closeScans();
    if (range !== undefined) this.#sources ??= new ReadSources(this.#core, tree, range);
    return this.#sources;
  }

  /** Whether nothing has taken the place of the tables and memtables that it reads. */
  #isCurrent(): boolean {
    return this.#sources?.version === this.#core.versions.current;
  }

  #view(): Pick<ConstructorParameters<typeof VisibleScan>[1], 'operator' | 'sequence'> {
    const { tree, held } = this.#choice;
    return { operator: this.#core.tree(tree).operator, sequence: held.sequence };
  }

  #closeScans(): void {
    this.#up?.close();
    this.#down?.close();
    this.#up = undefined;
    this.#down = undefined;
  }

  #letGo(): void {
    this.#closeScans();
    this.#sources?.release();
    this.#sources = undefined;
  }

  #requireOpen(): void {
    this.#core.requireOpen();
    if (this.#isClosed) throw new DatabaseError('DATABASE_CLOSED', 'the iterator is closed');
  }
}

interface Key {
  readonly hi: number;
  readonly lo: number;
}

/** The keys within the bounds, or undefined when there is none. */
function resolveRange(from: KeyBound | undefined, to: KeyBound | undefined): KeyRange | undefined {
  const { hi: fromHi = 0, lo: fromLo = 0, exclusive: isAfter = false } = from ?? {};
  const {
    hi: toHi = KEY_HALF_MAX,
    lo: toLo = KEY_HALF_MAX,
    exclusive: isBefore = false,
  } = to ?? {};
  for (const half of [fromHi, fromLo, toHi, toLo]) assert(half >>> 0 === half, 'a key is two u32');
  const first = isAfter ? keyAfter(fromHi, fromLo) : { hi: fromHi, lo: fromLo };
  const last = isBefore ? keyBefore(toHi, toLo) : { hi: toHi, lo: toLo };
  if (first === undefined || last === undefined) return undefined;
  if (compareKeys(first.hi, first.lo, last.hi, last.lo) > 0) return undefined;
  return { fromHi: first.hi, fromLo: first.lo, toHi: last.hi, toLo: last.lo };
}

function keyAfter(hi: number, lo: number): Key | undefined {
  if (lo < KEY_HALF_MAX) return { hi, lo: lo + 1 };
  return hi < KEY_HALF_MAX ? { hi: hi + 1, lo: 0 } : undefined;
}

function keyBefore(hi: number, lo: number): Key | undefined {
  if (lo > 0) return { hi, lo: lo - 1 };
  return hi > 0 ? { hi: hi - 1, lo: KEY_HALF_MAX } : undefined;
}
