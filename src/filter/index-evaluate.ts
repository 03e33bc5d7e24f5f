/**
 * Evaluates what the indexes know of a condition: two sets of records, between which the answer lies. Those in
 * `sure` pass; those beyond `possible` do not; a look at their metadata decides about the others.
 *
 *   a ∧ b   sure ∩ sure, possible ∩ possible        ¬a   all less possible, all less sure
 *   a ∨ b   sure ∪ sure, possible ∪ possible
 *
 * Reads about 5 ns an entry, in slices of time; sets take a bit a record each, four or so at the same time.
 */
import type { CodeSpan, IndexQuery } from './index-query.ts';
import { type CodeRange, codeSlices, guessCount } from './index-scan.ts';
import {
  countRecords,
  emptySet,
  fullSet,
  intersect,
  type RecordSet,
  subtract,
  unite,
} from './record-set.ts';

/** The same set twice when the indexes know everything. */
export interface IndexAnswer {
  readonly sure: RecordSet;
  readonly possible: RecordSet;
}

/** Where the entries are, and as of when. */
export interface IndexSource {
  readonly engine: CodeRange['engine'];
  readonly tree: number;
  readonly collection: number;
  readonly sequence: number;
  /** Record numbers are below it. */
  readonly records: number;
  /** Lets the event loop turn when it is time. */
  readonly pause: () => Promise<void> | undefined;
}

/** Looking at the metadata of a record costs as much as reading so many entries of an index. */
const LOOK_COST = 500;

export async function evaluateQuery(query: IndexQuery, source: IndexSource): Promise<IndexAnswer> {
  switch (query.kind) {
    case 'all':
      return exactly(fullSet(source.records));
    case 'unknown':
      return { sure: emptySet(source.records), possible: fullSet(source.records) };
    case 'spans':
      return await evaluateSpans(query.spans, source);
    case 'not':
      return complement(await evaluateQuery(query.part, source), source.records);
    case 'or':
      return await evaluateOr(query.parts, source);
    case 'and':
      return await evaluateAnd(query.parts, source);
  }
}

function exactly(set: RecordSet): IndexAnswer {
  return { sure: set, possible: set };
}

function complement({ sure, possible }: IndexAnswer, records: number): IndexAnswer {
  const all = fullSet(records);
  if (sure === possible) return exactly(subtract(all, sure));
  return { sure: subtract(all, possible), possible: subtract(all, sure) };
}

async function evaluateOr(parts: readonly IndexQuery[], source: IndexSource): Promise<IndexAnswer> {
  let answer = exactly(emptySet(source.records));
  for (const part of parts) {
    answer = join(answer, await evaluateQuery(part, source), unite);
    await source.pause();
  }
  return answer;
}

/** The part with the fewest entries first: where few records are left, theirs are looked at instead. */
async function evaluateAnd(
  parts: readonly IndexQuery[],
  source: IndexSource,
): Promise<IndexAnswer> {
  const bounded = parts.map((part) => ({ part, entries: entriesOf(part, source) }));
  bounded.sort((a, b) => a.entries - b.entries);
  let answer = exactly(fullSet(source.records));
  let left = source.records;
  for (const { part, entries } of bounded) {
    const isWorth = left > 0 && entries <= left * LOOK_COST;
    const next = isWorth ? await evaluateQuery(part, source) : unknown(source);
    answer = join(answer, next, intersect);
    left = countRecords(answer.possible);
    await source.pause();
  }
  return answer;
}

function unknown({ records }: IndexSource): IndexAnswer {
  return { sure: emptySet(records), possible: fullSet(records) };
}

function join(
  a: IndexAnswer,
  b: IndexAnswer,
  how: (a: RecordSet, b: RecordSet) => RecordSet,
): IndexAnswer {
  const sure = how(a.sure, b.sure);
  const isExact = a.sure === a.possible && b.sure === b.possible;
  return isExact ? exactly(sure) : { sure, possible: how(a.possible, b.possible) };
}

/** About as many, or more, as evaluating it reads; of what no index knows, none. */
export function entriesOf(query: IndexQuery, source: IndexSource): number {
  const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
  switch (query.kind) {
    case 'spans':
      return sum(query.spans.map((span) => guessCount({ ...source, ...span }, source.records)));
    case 'not':
      return entriesOf(query.part, source);
    case 'and':
    case 'or':
      return sum(query.parts.map((part) => entriesOf(part, source)));
    default:
      return 0;
  }
}

async function evaluateSpans(
  spans: readonly CodeSpan[],
  source: IndexSource,
): Promise<IndexAnswer> {
  const sure = emptySet(source.records);
  const isExact = spans.every(({ isSure }) => isSure);
  const possible = isExact ? sure : emptySet(source.records);
  for (const span of spans) {
    for (const { chunk, pairs, start, end } of codeSlices({ ...source, ...span })) {
      if (span.isSure) setBits(sure, { chunk, low: pairs.low, start, end });
      if (!isExact) setBits(possible, { chunk, low: pairs.low, start, end });
      await source.pause();
    }
  }
  return { sure, possible };
}

interface ChunkRecords {
  readonly chunk: number;
  readonly low: Uint32Array;
  readonly start: number;
  readonly end: number;
}

function setBits(set: RecordSet, { chunk, low, start, end }: ChunkRecords): void {
  const base = chunk >>> 5;
  for (let i = start; i < end; i++) {
    const record = low[i] & 0xffff;
    set[base + (record >>> 5)] |= 1 << (record & 31);
  }
}
