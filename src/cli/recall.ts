/** Recall of a collection's graph, measured with its own records as queries. */
import type { Collection, Hit, StoredRecord } from '../index.ts';

export interface MeasuredRecall {
  readonly queries: number;
  readonly k: number;
  /** Share of the true k nearest that a search finds, 0 to 1. */
  readonly recallAtK: number;
  /** Median times of one query. */
  readonly searchMs: number;
  readonly exactMs: number;
}

/** Distances closer than this are ties: which of them comes first is nobody's fault. */
const tieWidth = 1e-6;

/** At most `count` records with metadata only, evenly over the collection, the same ones each time. */
export async function sampleRecords<Meta>(
  collection: Collection<Meta>,
  count: number,
): Promise<StoredRecord<Meta>[]> {
  const { records } = collection.info();
  const step = Math.max(1, records / count);
  const sample: StoredRecord<Meta>[] = [];
  let position = 0;
  for await (const record of collection.scan({ include: ['metadata'] })) {
    if (position++ >= sample.length * step) sample.push(record);
    if (sample.length === count) break;
  }
  return sample;
}

/** Searches with stored vectors, once by the graph and once exactly. Undefined for fewer than two records. */
export async function measureRecall<Meta>(
  collection: Collection<Meta>,
  options: { queries: number; k: number },
): Promise<MeasuredRecall | undefined> {
  const k = Math.min(options.k, collection.info().vectors - 1);
  if (k < 1) return undefined;
  const sample = await sampleRecords(collection, options.queries);
  let found = 0;
  const searchTimes: number[] = [];
  const exactTimes: number[] = [];
  for (const { id, namespace } of sample) {
    const start = performance.now();
    const hits = await collection.search({ id, k, ...inNamespace(namespace) });
    const middle = performance.now();
    const truth = await collection.search({ id, k, exact: true, ...inNamespace(namespace) });
    exactTimes.push(performance.now() - middle);
    searchTimes.push(middle - start);
    found += countFound(hits, truth);
  }
  const queries = sample.length;
  return {
    queries,
    k,
    recallAtK: found / (queries * k),
    searchMs: median(searchTimes),
    exactMs: median(exactTimes),
  };
}

/** Of at least one value. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Hits that are as near as the farthest true one. */
function countFound(hits: readonly Hit[], truth: readonly Hit[]): number {
  const farthest = truth.at(-1)?.distance ?? 0;
  return Math.min(
    truth.length,
    hits.filter(({ distance }) => distance <= farthest + tieWidth).length,
  );
}

/** Left out for the default namespace, so that the whole collection is searched. */
function inNamespace(namespace: string): { namespace?: string } {
  return namespace === '' ? {} : { namespace };
}
