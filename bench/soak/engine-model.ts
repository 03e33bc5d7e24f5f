/**
 * What tests and soaks of the engine share: commits, and the simplest model that could be right: all of
 * them so far, in order. Keys are few, so that versions pile up.
 */
import { assert } from '../../src/base/assert.ts';
import { decodeCount, encodeCount } from '../../src/lsm/counter.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import { DELETE, type EntryKind, MERGE, SET } from '../../src/lsm/entry.ts';
import { encodeList, readEdges, readList } from '../../src/lsm/list-codec.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';

/** A tree of plain bytes, one of lists and one of counts, with their merge operators. */
export const PLAIN = 1;
export const LISTS = 2;
/** Not idempotent: an operand that is applied twice is seen. */
export const COUNTS = 4;
const U32_MAX = 0xffffffff;

/** The halves of all keys. */
export const HI: readonly number[] = [0, 7, U32_MAX];
export const LO: readonly number[] = [0, 1, 2, 3, 4, 0x80000000, U32_MAX];

export interface Change {
  readonly tree: number;
  readonly hi: number;
  readonly lo: number;
  readonly kind: EntryKind;
  readonly value: Uint8Array;
}

export interface Commit {
  readonly changes: readonly Change[];
  readonly attachments: readonly Uint8Array[];
}

export function toBatch({ changes, attachments }: Commit): WriteBatch {
  const batch = new WriteBatch();
  for (const { tree, hi, lo, kind, value } of changes) {
    if (kind === SET) batch.set(tree, hi, lo, value);
    else if (kind === MERGE) batch.merge(tree, hi, lo, value);
    else batch.delete(tree, hi, lo);
  }
  for (const attachment of attachments) batch.attach(attachment);
  return batch;
}

/** What a reader sees: by "tree hi lo", the value in hex, in key order. */
export type State = readonly (readonly [key: string, value: string])[];

/** All commits so far. */
export class Model {
  #commits: { readonly sequence: number; readonly commit: Commit }[] = [];

  get sequence(): number {
    return this.#commits.at(-1)?.sequence ?? 0;
  }

  /** The sequence numbers at which a commit ends, 0 included. */
  get boundaries(): number[] {
    return [0, ...this.#commits.map(({ sequence }) => sequence)];
  }

  add(commit: Commit, sequence: number): void {
    const next = this.sequence + Math.max(1, commit.changes.length);
    assert(sequence === next, 'a commit follows the one before');
    this.#commits.push({ sequence, commit });
  }

  copy(): Model {
    const copy = new Model();
    copy.#commits = [...this.#commits];
    return copy;
  }

  /** Forgets what came behind `sequence`, which must be the end of a commit. */
  truncate(sequence: number): void {
    assert(this.boundaries.includes(sequence), 'the state is that after a commit');
    this.#commits = this.#commits.filter((entry) => entry.sequence <= sequence);
  }

  attachmentsBehind(sequence: number): { sequence: number; attachment: Uint8Array }[] {
    return this.#commits
      .filter((entry) => entry.sequence > sequence)
      .flatMap((entry) =>
        entry.commit.attachments.map((attachment) => ({ sequence: entry.sequence, attachment })),
      );
  }

  at(sequence: number = this.sequence): State {
    const state = new Map<string, Uint8Array>();
    for (const entry of this.#commits) {
      if (entry.sequence > sequence) break;
      for (const change of entry.commit.changes) applyChange(state, change);
    }
    return [...state]
      .map(([key, value]) => [key, toHex(value)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

function applyChange(state: Map<string, Uint8Array>, change: Change): void {
  const { tree, hi, lo, kind, value } = change;
  const key = toKey(tree, hi, lo);
  if (kind === DELETE) {
    state.delete(key);
  } else if (kind === SET) {
    state.set(key, value);
  } else if (tree === COUNTS) {
    state.set(key, encodeCount(BigInt.asIntN(64, countOf(state.get(key)) + countOf(value))));
  } else {
    const before = state.get(key);
    const list = new Set(before === undefined ? [] : readList(before));
    const { added, removed } = readEdges(value)!;
    for (const id of removed) list.delete(id);
    for (const id of added) list.add(id);
    state.set(key, encodeList(Uint32Array.from(list).sort()));
  }
}

function countOf(value: Uint8Array | undefined): bigint {
  return value === undefined ? 0n : decodeCount(value)!;
}

function toKey(tree: number, hi: number, lo: number): string {
  const hex = (half: number): string => half.toString(16).padStart(8, '0');
  return `${tree} ${hex(hi)} ${hex(lo)}`;
}

function toHex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}

/** The trees of the model that the engine has. */
function modelTrees(engine: LsmEngine): number[] {
  const given = engine.trees.map(({ id }) => id);
  return [PLAIN, LISTS, COUNTS].filter((tree) => given.includes(tree));
}

/** Everything that a scan of each tree finds. */
export function scanState(engine: LsmEngine, sequence?: number): State {
  const state: (readonly [string, string])[] = [];
  for (const tree of modelTrees(engine)) {
    const range = { fromHi: 0, fromLo: 0, toHi: U32_MAX, toLo: U32_MAX, sequence };
    const scan = engine.scan(tree, range);
    try {
      while (scan.next()) state.push([toKey(tree, scan.hi, scan.lo), toHex(scan.value)]);
    } finally {
      scan.close();
    }
  }
  return state;
}

/** As `scanState`, found by iterators that go backward, and turned round. */
export function reverseState(engine: LsmEngine, sequence?: number): State {
  const state: (readonly [string, string])[] = [];
  for (const tree of modelTrees(engine)) {
    const backward: (readonly [string, string])[] = [];
    using iterator = engine.iterator(tree, { reverse: true, sequence });
    while (iterator.next()) {
      backward.push([toKey(tree, iterator.hi, iterator.lo), toHex(iterator.value)]);
    }
    state.push(...backward.reverse());
  }
  return state;
}

/** Everything that point reads of all possible keys find. */
export function readState(engine: LsmEngine, sequence?: number): State {
  const state: (readonly [string, string])[] = [];
  for (const tree of modelTrees(engine)) {
    for (const hi of HI) {
      for (const lo of LO) {
        const value = engine.get(tree, hi, lo, sequence);
        if (value !== undefined) state.push([toKey(tree, hi, lo), toHex(value)]);
      }
    }
  }
  return state;
}

/** Takes what is pending in compaction to its end. */
export async function drainCompaction(engine: LsmEngine): Promise<void> {
  while (engine.compactStep(1)) await nextTurn();
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
