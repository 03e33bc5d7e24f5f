/** Random options, commits and steps for an engine; all of it from one source of numbers. */
import type { Random } from '../../src/base/random.ts';
import { MIB } from '../../src/base/units.ts';
import { encodeCount } from '../../src/lsm/counter.ts';
import type { TreeSpec } from '../../src/lsm/engine-options.ts';
import { DELETE, MERGE, SET } from '../../src/lsm/entry.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import type { SeededOptions } from '../../src/lsm/seeded-bugs.ts';
import { type Change, COUNTS, type Commit, HI, LISTS, LO, PLAIN } from './engine-model.ts';

/** Holds what checkpoints add themselves. */
export const SEALS = 3;

export type RandomOptions = Omit<SeededOptions, 'hasher' | 'replay'>;

export type Step =
  | { readonly do: 'commit'; readonly commit: Commit; readonly isAwaited: boolean }
  | { readonly do: (typeof otherSteps)[number] };

const otherSteps = [
  'checkpoint',
  'checkpoint',
  'checkpoint beside commits',
  'compact a slice',
  'compact what is due',
  'compact what is due',
  'compact all',
  'take a snapshot',
  'release a snapshot',
  'open a scan',
  'back up',
  'reopen',
] as const;

const hastySteps = ['take a snapshot', 'open a scan', 'checkpoint', 'reopen'] as const;

export function below(random: Random, count: number): number {
  return Math.floor(random() * count);
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[below(random, choices.length)];
}

/** From `least` to `most`; as many small ones as large ones, by their logarithms. */
export function anySize(random: Random, least: number, most: number): number {
  return Math.round(least * (most / least) ** random());
}

/** Of a tiny engine, so that a hundred steps reach several levels. */
export function randomOptions(random: Random): RandomOptions {
  const tree = (id: number, name: string): TreeSpec => ({
    id,
    name,
    codec: pick(random, ['none', 'lz4']),
    filterBitsPerKey: pick(random, [0, 1, 10]),
    filterBits: pick(random, ['uniform', 'monkey']),
    lastLevelFilter: random() < 0.7,
    blockBytes: random() < 0.5 ? undefined : anySize(random, 1, 4096),
  });
  return {
    trees: [
      tree(PLAIN, 'plain'),
      { ...tree(LISTS, 'lists'), mergeOperator: 'adjacency' },
      { ...tree(COUNTS, 'counts'), mergeOperator: 'counter' },
      tree(SEALS, 'seals'),
    ],
    durability: pick(random, ['sync', 'sync', 'os', 'none']),
    memtableBytes: anySize(random, 200, 20_000),
    ...(random() < 0.2
      ? { memoryBytes: 16 * MIB }
      : { blockCacheBytes: pick(random, [0, 1000, 4096, 100_000]) }),
    openTablesMax: pick(random, [undefined, 1 + below(random, 8)]),
    tableBytes: anySize(random, 1, 20_000),
    blockBytes: anySize(random, 1, 4096),
    compaction: pick(random, ['leveled', 'tiered']),
    levelRatio: pick(random, [2, 2, 3, 4.5, 10]),
    level0Tables: 1 + below(random, 5),
    baseLevelBytes: anySize(random, 50, 20_000),
    autoCompact: random() < 0.3,
  };
}

/** `count` or a few more. */
export function randomSteps(random: Random, count: number): Step[] {
  return Array.from({ length: count }, () => randomStep(random)).flat();
}

/** Often a step is taken at once behind a commit, before it can be published. */
function randomStep(random: Random): Step[] {
  const kind = random();
  if (kind >= 0.7) return [{ do: pick(random, otherSteps) }];
  const isAwaited = kind < 0.6 && random() < 0.5;
  const step = { do: 'commit', commit: randomCommit(random), isAwaited } as const;
  return kind < 0.6 ? [step] : [step, { do: pick(random, hastySteps) }];
}

/** Now and then without entries, or far larger than a memtable. */
export function randomCommit(random: Random): Commit {
  const shape = random();
  const attachments = Array.from({ length: below(random, 3) }, () => randomBytes(random, 40));
  if (shape < 0.05) return { changes: [], attachments: [...attachments, Uint8Array.of(1)] };
  const count = shape < 0.1 ? 100 + below(random, 100) : 1 + below(random, 6);
  return { changes: Array.from({ length: count }, () => randomChange(random)), attachments };
}

function randomChange(random: Random): Change {
  const tree = pick(random, [PLAIN, LISTS, COUNTS]);
  const key = { tree, hi: pick(random, HI), lo: pick(random, LO) };
  const kind = random();
  if (kind < 0.2) return { ...key, kind: DELETE, value: new Uint8Array(0) };
  if (tree === PLAIN) return { ...key, kind: SET, value: randomValue(random) };
  if (tree === COUNTS) {
    const value = encodeCount(below(random, 2000) - 1000);
    return { ...key, kind: kind < 0.3 ? SET : MERGE, value };
  }
  if (kind < 0.4) return { ...key, kind: SET, value: encodeList(randomIds(random)) };
  const added = randomIds(random);
  const removed = randomIds(random).filter((id) => !added.includes(id));
  return { ...key, kind: MERGE, value: encodeEdges(added, removed) };
}

function randomValue(random: Random): Uint8Array {
  const size = random();
  if (size < 0.02) return randomBytes(random, 40_000);
  return randomBytes(random, size < 0.15 ? 400 : 40);
}

/** Of runs, so that there is something to compress. */
function randomBytes(random: Random, lengthMax: number): Uint8Array {
  const run = 1 + below(random, 30);
  let byte = 0;
  return Uint8Array.from({ length: below(random, lengthMax + 1) }, (_, i) => {
    if (i % run === 0) byte = below(random, 256);
    return byte;
  });
}

/** Ascending. */
export function randomIds(random: Random): Uint32Array {
  const ids = Array.from({ length: below(random, 9) }, () => below(random, 13));
  return Uint32Array.from(new Set(ids)).sort();
}
