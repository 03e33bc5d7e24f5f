/**
 * Sorts out the ids of a bulk load: the order of their keys in the tree `ids`, and which contents name the
 * same id. Of those the last wins, with the record number of the first, as in `upsert`. 16 bytes a content, 20
 * when some name the same id, and 28 meanwhile.
 */
import type { ArrayBudget } from '../hnsw/build-area.ts';
import type { BulkSource } from './bulk-source.ts';
import { sameId } from './record-id.ts';
import type { IdKey } from './record-reader.ts';

const BUCKET_SHIFT = 16;
const STEP = 256;
/** Of what takes nanoseconds. */
const LONG_STEP = 8192;

type Pause = () => Promise<void> | undefined;

/** The keys of all contents: arrays by content. */
export interface BulkIds {
  readonly hi: Uint32Array;
  readonly lo: Uint32Array;
  /** Contents by (hi, lo, content). */
  readonly order: Uint32Array;
  /** By content: its record number. */
  readonly records: Uint32Array;
  /** By record number: the content that it has. */
  readonly contents: Uint32Array;
}

/** `pause` is called often: it may let the event loop run. What is returned stays counted in `arrays`. */
export async function sortIds(
  source: BulkSource,
  keyOf: (namespace: string, id: Uint8Array) => IdKey,
  { pause, arrays }: { readonly pause: Pause; readonly arrays: ArrayBudget },
): Promise<BulkIds> {
  const { count } = source;
  arrays.count(16 * count);
  const hi = new Uint32Array(count);
  const lo = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const key = keyOf(source.namespace(i), source.id(i));
    hi[i] = key.hi;
    lo[i] = key.lo;
    if (i % STEP === 0) await pause();
  }
  const order = await sorted(hi, lo, pause);
  let same: Same | undefined;
  for (let start = 0; start < count; ) {
    let end = start + 1;
    while (end < count && isSameKey(hi, lo, order[start], order[end])) end++;
    if (end > start + 1) {
      if (same === undefined) arrays.count(12 * count);
      same ??= { winners: await numbers(count, pause), firsts: await numbers(count, pause) };
      joinSame(source, order.subarray(start, end), same);
    }
    start = end;
    if (start % STEP === 0) await pause();
  }
  if (same === undefined) {
    const records = await numbers(count, pause);
    return { hi, lo, order, records, contents: records };
  }
  const { winners, firsts } = same;
  const records = new Uint32Array(count);
  const contents = new Uint32Array(count);
  let next = 0;
  for (let i = 0; i < count; i++) {
    if (firsts[i] === i) {
      contents[next] = winners[i];
      records[i] = next++;
    } else {
      records[i] = records[firsts[i]];
    }
    if (i % LONG_STEP === 0) await pause();
  }
  arrays.count(-8 * count);
  return { hi, lo, order, records, contents: contents.subarray(0, next) };
}

/** By content: which has its id first, and by those, which has it last. */
interface Same {
  readonly winners: Uint32Array;
  readonly firsts: Uint32Array;
}

/** 0, 1, 2 … */
async function numbers(count: number, pause: Pause): Promise<Uint32Array> {
  const all = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    all[i] = i;
    if (i % LONG_STEP === 0) await pause();
  }
  return all;
}

/** Contents of equal keys, ascending: those with the same id get the first as `first`, the last as winner. */
function joinSame(source: BulkSource, contents: Uint32Array, { winners, firsts }: Same): void {
  const known: number[] = [];
  for (const content of contents) {
    const first = known.find(
      (other) =>
        source.namespace(other) === source.namespace(content) &&
        sameId(source.id(other).slice(), source.id(content)),
    );
    if (first === undefined) {
      known.push(content);
    } else {
      firsts[content] = first;
      winners[first] = content;
    }
  }
}

function isSameKey(hi: Uint32Array, lo: Uint32Array, a: number, b: number): boolean {
  return hi[a] === hi[b] && lo[a] === lo[b];
}

/** By buckets of the upper half of `hi`, which hashes fill evenly. */
async function sorted(hi: Uint32Array, lo: Uint32Array, pause: Pause): Promise<Uint32Array> {
  const bounds = new Uint32Array((1 << BUCKET_SHIFT) + 1);
  for (let i = 0; i < hi.length; i++) {
    bounds[(hi[i] >>> BUCKET_SHIFT) + 1]++;
    if (i % LONG_STEP === 0) await pause();
  }
  for (let i = 1; i < bounds.length; i++) bounds[i] += bounds[i - 1];
  const next = bounds.slice();
  const order = new Uint32Array(hi.length);
  for (let i = 0; i < hi.length; i++) {
    order[next[hi[i] >>> BUCKET_SHIFT]++] = i;
    if (i % LONG_STEP === 0) await pause();
  }
  const compare = (a: number, b: number): number => hi[a] - hi[b] || lo[a] - lo[b] || a - b;
  for (let i = 0; i + 1 < bounds.length; i++) {
    if (bounds[i + 1] - bounds[i] > 1) order.subarray(bounds[i], bounds[i + 1]).sort(compare);
    if (i % STEP === 0) await pause();
  }
  return order;
}
