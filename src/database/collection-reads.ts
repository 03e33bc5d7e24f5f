/** Reads of one collection as a view shows it: by default the commit published last. Arguments have been checked. */
import { DatabaseError } from '../errors.ts';
import { readCounters, readSpaceCounters } from './catalog.ts';
import type { CheckedGet, CheckedScan, CheckedSelection } from './check-calls.ts';
import type { CollectionStore } from './collection-store.ts';
import { type Head, NO_NODE, nodeOf } from './head.ts';
import type { Metric } from './options.ts';
import {
  type NamedMatch,
  type PlainSource,
  searchPlainly,
  searchPlainlyTogether,
} from './plain-search.ts';
import {
  findLiving,
  type HeldView,
  hasExpired,
  type ReadView,
  type ViewSource,
} from './read-view.ts';
import { type CheckedRecall, measureRecall, type RecallReport } from './recall-measurement.ts';
import type { Hit, IncludePart, SearchResult, SearchStats, StoredRecord } from './record.ts';
import { type CheckedDistance, distanceOf } from './record-distance.ts';
import { decodeId } from './record-id.ts';
import { type FoundRecord, isSelected } from './record-reader.ts';
import { scoreOf } from './search-limits.ts';
import type { CheckedSearch } from './search-plan.ts';
import { type Answer, SearchRun } from './search-run.ts';
import { openSelectedHeads } from './selected-heads.ts';
import type { Session } from './session.ts';
import { TimeSlice } from './time-slice.ts';
import { describe } from './validate.ts';

interface Parts<Meta> {
  vector?: Float32Array;
  vectors?: Record<string, Float32Array>;
  metadata?: Meta;
  text?: string;
}

/** What a search found; `next` gives the cursor behind it. */
export interface SearchAnswer<Meta> {
  readonly hits: Hit<Meta>[];
  readonly stats: SearchStats;
  readonly next: () => string | undefined;
}

export class CollectionReads {
  readonly #session: Session;
  readonly #store: CollectionStore;
  readonly #views: ViewSource;

  constructor(session: Session, store: CollectionStore, views: ViewSource = session.published) {
    this.#session = session;
    this.#store = store;
    this.#views = views;
  }

  /** Living records, and how many of them have a vector in the default space, and in each named one. */
  counts(): { records: number; vectors: number; named: ReadonlyMap<string, number> } {
    const { engine } = this.#session.stores;
    const view = this.#views.current;
    const { sequence } = view;
    const { entry } = this.#store;
    const { records, vectors } = readCounters(engine, entry.collection, sequence);
    const gone = this.#store.expiredIn(view);
    const named = entry.spaces.map(({ name, space }) => {
      const counted = readSpaceCounters(engine, space, sequence).vectors;
      return [name, counted - gone.vectors(this.#store.named.get(name)?.ordinal ?? 0)] as const;
    });
    return {
      records: records - gone.records,
      vectors: vectors - gone.vectors(0),
      named: new Map(named),
    };
  }

  get<Meta>(id: Uint8Array, { namespace, include }: CheckedGet): StoredRecord<Meta> | undefined {
    const view = this.#views.current;
    const found = this.#find(namespace, id, view);
    return found && this.#record(found, { include, sequence: view.sequence });
  }

  async getMany<Meta>(
    ids: readonly Uint8Array[],
    { namespace, include }: CheckedGet,
  ): Promise<(StoredRecord<Meta> | undefined)[]> {
    const view = this.#views.hold();
    try {
      const { sequence } = view;
      const slice = new TimeSlice();
      const records: (StoredRecord<Meta> | undefined)[] = [];
      for (const id of ids) {
        const found = this.#find(namespace, id, view);
        records.push(found && this.#record<Meta>(found, { include, sequence }));
        if (slice.isOver) await slice.yield();
      }
      return records;
    } finally {
      view.release();
    }
  }

  has(namespace: string, id: Uint8Array): boolean {
    return this.#find(namespace, id, this.#views.current) !== undefined;
  }

  async count(selection: CheckedSelection): Promise<number> {
    const { namespace, filter } = selection;
    if (namespace === undefined && filter === undefined) return this.counts().records;
    let count = 0;
    const all = { after: undefined, limit: Number.MAX_SAFE_INTEGER, signal: undefined };
    const scan = { ...all, ...selection, include: new Set<IncludePart>() };
    for await (const _ of this.#heads(scan, this.#views.hold(), () => {})) count++;
    return count;
  }

  async *scan<Meta>(scan: CheckedScan): AsyncGenerator<StoredRecord<Meta>, undefined> {
    const assertOpen = (): void => this.#views.assertOpen();
    for await (const { found, sequence } of this.#heads(scan, this.#views.follow(), assertOpen)) {
      yield this.#record<Meta>(found, { include: scan.include, sequence });
      this.#session.assertOpen();
      assertOpen();
    }
  }

  /**
   * The hits of a plain search by one vector, which may be borrowed, without a turn of the event loop: most searches are
   * so short that promises and a held view would be a fifth of them. Undefined: `search` has to answer.
   */
  searchNow<Meta>(search: CheckedSearch): Hit<Meta>[] | undefined {
    const { pace, reads } = this.#session.stores;
    pace.noteQuestion();
    if (reads.isSlow) return reads.ifAtHand(() => this.#searchNow<Meta>(search));
    return this.#searchNow(search);
  }

  #searchNow<Meta>(search: CheckedSearch): Hit<Meta>[] | undefined {
    const vector = plainVector(search);
    if (vector === undefined) return undefined;
    const source = this.#plainSource(search);
    const { sequence, now } = this.#views.current;
    const matches = searchPlainly(source, { search, vector, sequence, now });
    return matches && this.#plainHits(search, matches, { source, sequence });
  }

  /**
   * As `searchNow`, of many: those from `first` on that are plain, as far as this turn of the event loop goes, with
   * threads that share them. Answers are put at the places of their searches. Returns the first that it did not come to.
   */
  searchTogether<Meta>(
    searches: readonly CheckedSearch[],
    first: number,
    {
      answers,
      isOver,
    }: {
      readonly answers: (Hit<Meta>[] | undefined)[];
      readonly isOver: () => boolean;
    },
  ): number {
    const { sequence, now } = this.#views.current;
    const source = this.#plainSource(searches[first]);
    this.#session.stores.pace.noteQuestion();
    let at = first;
    searchPlainlyTogether(
      source,
      () => {
        while (at < searches.length && (at === first || !isOver())) {
          const search = searches[at++];
          const vector = plainVector(search);
          const { space } = source;
          if (vector === undefined || this.#plainSource(search).space !== space) continue;
          return { search, vector, sequence, now, place: at - 1 };
        }
        return undefined;
      },
      ({ search, place }, matches) => {
        answers[place] = this.#plainHits(search, matches, { source, sequence });
      },
    );
    return Math.max(at, first + 1);
  }

  #plainSource({ targets: [{ vectorName }] }: CheckedSearch): PlainSource {
    const space = this.#store.spaceNamed(vectorName);
    return { stores: this.#session.stores, store: this.#store, space };
  }

  #plainHits<Meta>(
    { include }: CheckedSearch,
    matches: readonly NamedMatch[],
    { source, sequence }: { readonly source: PlainSource; readonly sequence: number },
  ): Hit<Meta>[] {
    const { metric } = source.space.options;
    return matches.map(({ record, distance, namespace, id, head }) => {
      const hit = { id, namespace, distance, score: scoreOf(distance, metric) };
      if (head === undefined) return hit;
      return { ...hit, ...this.#parts<Meta>(record, head, { include, sequence }) };
    });
  }

  /** Everything of a search is read at the sequence at which it began. */
  async search<Meta>(search: CheckedSearch): Promise<SearchAnswer<Meta>> {
    this.#session.stores.pace.noteQuestion();
    const view = this.#views.hold();
    try {
      const run = new SearchRun(this.#session.stores, this.#store, search, view);
      const answer = await run.run();
      const { matches, stats, metric } = answer;
      await this.#readParts(matches, { include: search.include, sequence: view.sequence });
      const hits: Hit<Meta>[] = [];
      const slice = new TimeSlice();
      for (const match of matches) {
        hits.push(this.#hit<Meta>(match, { search, metric, sequence: view.sequence }));
        if (slice.isOver) await slice.yield();
      }
      return { hits, stats, next: () => run.next(answer) };
    } finally {
      view.release();
    }
  }

  /** As `search`, with the cursor of the next page. */
  async searchResult<Meta>(search: CheckedSearch): Promise<SearchResult<Meta>> {
    const { hits, stats, next } = await this.search<Meta>(search);
    return { hits, stats, next: next() };
  }

  async recall(checked: CheckedRecall): Promise<RecallReport> {
    const view = this.#views.hold();
    try {
      return await measureRecall(this.#session.stores, this.#store, checked, view);
    } finally {
      view.release();
    }
  }

  distance(checked: CheckedDistance): number {
    return distanceOf(this.#store, checked, this.#views.current);
  }

  #find(namespace: string, id: Uint8Array, view: ReadView): FoundRecord | undefined {
    return findLiving(this.#store.reader, { namespace, id }, view);
  }

  /** Heads of a scan in slices, on a snapshot that is held until the scan ends. */
  async *#heads(
    scan: CheckedScan,
    view: HeldView,
    assertOpen: () => void,
  ): AsyncGenerator<{ found: FoundRecord; sequence: number }> {
    const { sequence } = view;
    try {
      const fromRecord = this.#firstRecord(scan, view);
      const from = { selection: scan, sequence, fromRecord };
      const heads = await openSelectedHeads(this.#session.stores, this.#store, from);
      try {
        assertOpen();
        const slice = new TimeSlice();
        let left = scan.limit;
        for (let found = heads.next(); found !== undefined && left > 0; found = heads.next()) {
          if (scan.signal?.aborted) throw aborted(scan.signal);
          if (hasExpired(found.head, view)) continue;
          if (isSelected(this.#store.reader, scan, { ...found, sequence })) {
            left--;
            yield { found, sequence };
          }
          if (slice.isOver) {
            await slice.yield();
            assertOpen();
          }
          // Closing ends every scan as if there were no more.
          if (this.#session.stores.engine.state === 'closed') this.#session.assertOpen();
        }
      } finally {
        heads.close();
      }
    } finally {
      view.release();
    }
  }

  #firstRecord({ after, namespace = '' }: CheckedScan, view: ReadView): number {
    if (after === undefined) return 0;
    const found = this.#find(namespace, after, view);
    if (found !== undefined) return found.record + 1;
    const name = describe(decodeId(after));
    throw new DatabaseError('NOT_FOUND', `after: there is no record ${name} to go on behind`);
  }

  #namedVectors(head: Head): Record<string, Float32Array> {
    const vectors: [string, Float32Array][] = [];
    for (const space of this.#store.named.values()) {
      const node = nodeOf(head, space.ordinal);
      if (node !== NO_NODE) vectors.push([space.name, space.vectors.readVector(node)]);
    }
    return Object.fromEntries(vectors);
  }

  #record<Meta>(
    { record, head }: FoundRecord,
    at: { readonly include: ReadonlySet<IncludePart>; readonly sequence: number },
  ): StoredRecord<Meta> {
    const { id, namespace, expiresAt } = head;
    const parts = this.#parts<Meta>(record, head, at);
    const named = { id: decodeId(id), namespace };
    return expiresAt === undefined ? { ...named, ...parts } : { ...named, ...parts, expiresAt };
  }

  #hit<Meta>(
    { record, head, distance, group }: Answer['matches'][number],
    at: {
      readonly search: CheckedSearch;
      readonly metric: Metric | undefined;
      readonly sequence: number;
    },
  ): Hit<Meta> {
    const { include } = at.search;
    const score = scoreOf(distance, at.metric);
    const { namespace } = head;
    const bare = { id: decodeId(head.id), namespace, distance, score };
    const hit = group === undefined ? bare : { ...bare, group };
    if (include.size === 0) return hit;
    return { ...hit, ...this.#parts<Meta>(record, head, { include, sequence: at.sequence }) };
  }

  /** Where reads are slow, brings what the hits show into memory, side by side. */
  async #readParts(
    matches: Answer['matches'],
    at: { readonly include: ReadonlySet<IncludePart>; readonly sequence: number },
  ): Promise<void> {
    const { reads } = this.#session.stores;
    if (at.include.size === 0 || !reads.isSlow) return;
    await reads.together(
      matches.map(
        ({ record, head }) =>
          () =>
            this.#parts(record, head, at),
      ),
    );
  }

  #parts<Meta>(
    record: number,
    head: Head,
    at: { readonly include: ReadonlySet<IncludePart>; readonly sequence: number },
  ): Parts<Meta> {
    const { include, sequence } = at;
    const parts: Parts<Meta> = {};
    if (include.has('vector')) {
      if (head.node !== NO_NODE) {
        parts.vector = this.#store.defaultSpace.vectors.readVector(head.node);
      }
      if (head.named.length > 0) parts.vectors = this.#namedVectors(head);
    }
    if (!head.hasBody || !(include.has('metadata') || include.has('text'))) return parts;
    const { metadata, text } = this.#store.reader.body(record, sequence);
    if (include.has('metadata') && metadata !== undefined) parts.metadata = metadata as Meta;
    if (include.has('text') && text !== undefined) parts.text = text;
    return parts;
  }
}

function aborted(signal: AbortSignal): DatabaseError {
  return new DatabaseError('ABORTED', 'the scan was aborted', { cause: signal.reason });
}

/** The vector of a search that can be a plain one. */
function plainVector({ targets, groupBy, after }: CheckedSearch): Float32Array | undefined {
  if (targets.length > 1 || groupBy !== undefined || after !== undefined) return undefined;
  return targets[0].vector;
}
