/**
 * Reads of one collection within a transaction: what its view shows, less the ids that it has changed, and
 * what it made of those. Scans give its own records last; searches compare with every one of them.
 */
import { DatabaseError } from '../errors.ts';
import { METRIC_L2 } from '../kernels/layout.ts';
import { exactDistance } from '../kernels/oracle/exact.ts';
import type { CheckedGet, CheckedScan, CheckedSelection } from './check-calls.ts';
import type { CheckedRecord } from './checked-record.ts';
import { CollectionReads } from './collection-reads.ts';
import { NO_NODE, nodeOf } from './head.ts';
import { sharedMetric } from './multi-search.ts';
import type { FixedView } from './read-view.ts';
import type { Hit, IncludePart, StoredRecord } from './record.ts';
import { decodeId, encodeId, identityOf } from './record-id.ts';
import { scoreOf } from './search-limits.ts';
import type { CheckedSearch, SearchTarget } from './search-plan.ts';
import type { Session } from './session.ts';
import { TimeSlice } from './time-slice.ts';
import { exists, type TouchedId, type TransactionBuffer } from './transaction-buffer.ts';
import { describe, invalid, parseChecked } from './validate.ts';

export class TransactionReads {
  readonly #buffer: TransactionBuffer;
  readonly #view: FixedView;
  readonly #base: CollectionReads;

  constructor(session: Session, buffer: TransactionBuffer, view: FixedView) {
    this.#buffer = buffer;
    this.#view = view;
    this.#base = new CollectionReads(session, buffer.store, view);
  }

  get<Meta>(id: Uint8Array, checked: CheckedGet): StoredRecord<Meta> | undefined {
    const { change } = this.#buffer.touch(checked.namespace, id);
    if (change === undefined) return this.#base.get(id, checked);
    return change.record && storedRecord(change.record, checked.include);
  }

  async getMany<Meta>(
    ids: readonly Uint8Array[],
    checked: CheckedGet,
  ): Promise<(StoredRecord<Meta> | undefined)[]> {
    const slice = new TimeSlice();
    const records: (StoredRecord<Meta> | undefined)[] = [];
    for (const id of ids) {
      records.push(this.get(id, checked));
      if (slice.isOver) await slice.yield();
    }
    return records;
  }

  has(namespace: string, id: Uint8Array): boolean {
    return exists(this.#buffer.touch(namespace, id));
  }

  async count(selection: CheckedSelection): Promise<number> {
    const { namespace, filter } = selection;
    if (filter !== undefined) return await this.#countByScan(selection);
    let count = await this.#base.count(selection);
    for (const touched of this.#buffer.changed) {
      if (namespace !== undefined && touched.namespace !== namespace) continue;
      count += Number(exists(touched)) - Number(touched.base !== undefined);
    }
    return count;
  }

  async #countByScan(selection: CheckedSelection): Promise<number> {
    const all = { after: undefined, limit: Number.MAX_SAFE_INTEGER, signal: undefined };
    let count = 0;
    for await (const _ of this.scan({ ...all, ...selection, include: new Set() })) count++;
    return count;
  }

  /** As of the moment in which it begins: what the transaction changes later does not show. */
  async *scan<Meta>(scan: CheckedScan): AsyncGenerator<StoredRecord<Meta>, undefined> {
    const changes = new Map([...this.#buffer.changed].map((one) => [one.identity, one.change]));
    let left = scan.limit;
    const own = this.#ownRecords(scan, changes);
    if (own.from === undefined) {
      for await (const record of this.#base.scan<Meta>({
        ...scan,
        limit: Number.MAX_SAFE_INTEGER,
      })) {
        if (left === 0) return;
        if (changes.has(identityOf(record.namespace, encodeId(record.id)))) continue;
        left--;
        yield record;
      }
    }
    for (const record of own.records.slice(own.from ?? 0)) {
      if (scan.filter?.passes(parseChecked(record.metadata)) === false) continue;
      if (left-- === 0) return;
      yield storedRecord(record, scan.include);
      this.#view.assertOpen();
    }
  }

  async search<Meta>(search: CheckedSearch): Promise<Hit<Meta>[]> {
    const { namespace, id } = search;
    refusePages(search);
    const query = id && this.#buffer.touch(namespace ?? '', id);
    const own = query?.change === undefined ? search : withVector(search, query);
    const changed = [...this.#buffer.changed];
    // As many of the nearest may be records that the transaction has changed.
    const hidden = changed.filter(({ base }) => base !== undefined).length;
    const k = search.k + hidden;
    const base = await this.#base.search<Meta>({ ...own, k, ef: Math.max(search.ef, k) });
    const hits = base.hits.filter(
      (hit) => this.#buffer.changeOf(identityOf(hit.namespace, encodeId(hit.id))) === undefined,
    );
    const targets = own.targets.map((target) => ({
      ...target,
      vector: target.vector ?? this.#vectorOf(query, target),
    }));
    const near = changed.flatMap((one) => {
      const record = one.identity === query?.identity ? undefined : one.change?.record;
      const hit = record && this.#hit<Meta>(record, { ...search, targets });
      return hit === undefined ? [] : [hit];
    });
    // Sorting is stable: of equal distances those of stored records come first.
    return [...hits, ...near].sort((a, b) => a.distance - b.distance).slice(0, search.k);
  }

  /** Records that the transaction has written; `from` is where a scan that follows one of them goes on. */
  #ownRecords(
    { after, namespace }: CheckedScan,
    changes: ReadonlyMap<string, TouchedId['change']>,
  ): { readonly records: readonly CheckedRecord[]; readonly from: number | undefined } {
    const records = [...changes.values()].flatMap((change) => change?.record ?? []);
    const own = records.filter((one) => namespace === undefined || one.namespace === namespace);
    if (after === undefined) return { records: own, from: undefined };
    const identity = identityOf(namespace ?? '', after);
    if (!changes.has(identity)) return { records: own, from: undefined };
    const at = own.findIndex((one) => one.identity === identity);
    if (at >= 0) return { records: own, from: at + 1 };
    const name = describe(decodeId(after));
    throw new DatabaseError('NOT_FOUND', `after: there is no record ${name} to go on behind`);
  }

  #vectorOf(query: TouchedId | undefined, { vectorName }: SearchTarget): Float32Array | undefined {
    const space = this.#buffer.store.spaceNamed(vectorName);
    const node = query?.base === undefined ? NO_NODE : nodeOf(query.base.head, space.ordinal);
    return node === NO_NODE ? undefined : space.vectors.readVector(node);
  }

  #hit<Meta>(record: CheckedRecord, search: CheckedSearch): Hit<Meta> | undefined {
    if (search.namespace !== undefined && record.namespace !== search.namespace) return undefined;
    if (search.filter?.passes(parseChecked(record.metadata)) === false) return undefined;
    let distance = 0;
    for (const target of search.targets) {
      const stored = vectorIn(record, target);
      if (target.vector === undefined || stored === undefined) return undefined;
      const { space } = this.#buffer.store.spaceNamed(target.vectorName);
      const measured = exactDistance(space.metricCode, target.vector, stored);
      const root = space.metricCode === METRIC_L2 ? Math.sqrt(measured) : measured;
      distance += target.weight * Math.fround(root);
    }
    const spaces = search.targets.map((target) => this.#buffer.store.spaceNamed(target.vectorName));
    const score = scoreOf(distance, sharedMetric(spaces));
    if (distance > search.maxDistance || score < search.minScore) return undefined;
    return { ...storedRecord<Meta>(record, search.include), distance, score };
  }
}

/** The same search by the vector that the transaction gave the record of its id. */
function withVector(search: CheckedSearch, { change }: TouchedId): CheckedSearch {
  const name = describe(search.givenId);
  const record = change?.record;
  if (record === undefined) {
    throw new DatabaseError('NOT_FOUND', `id: there is no record ${name}`);
  }
  const targets = search.targets.map((target) => {
    const vector = vectorIn(record, target);
    if (vector === undefined) throw invalid(`id: the record ${name} has no vector`);
    return { ...target, vector };
  });
  return { ...search, id: undefined, givenId: undefined, targets };
}

function vectorIn(record: CheckedRecord, { vectorName }: SearchTarget): Float32Array | undefined {
  return vectorName === undefined ? record.vector : record.named.get(vectorName);
}

function refusePages({ groupBy, after }: CheckedSearch): void {
  const name = groupBy === undefined ? after && 'after' : 'groupBy';
  if (name === undefined) return;
  throw invalid(
    `${name}: not supported in a transaction yet; search the collection, or a snapshot`,
  );
}

/** As it will be read once it is stored. */
function storedRecord<Meta>(
  record: CheckedRecord,
  include: ReadonlySet<IncludePart>,
): StoredRecord<Meta> {
  const { namespace, vector, named, text } = record;
  const metadata = include.has('metadata') ? (parseChecked(record.metadata) as Meta) : undefined;
  return {
    id: decodeId(record.id),
    namespace,
    ...(vector !== undefined && include.has('vector') ? { vector: vector.slice() } : {}),
    ...(named.size > 0 && include.has('vector') ? { vectors: copyOf(named) } : {}),
    ...(metadata === undefined ? {} : { metadata }),
    ...(text !== undefined && include.has('text') ? { text } : {}),
  };
}

function copyOf(named: CheckedRecord['named']): Record<string, Float32Array> {
  return Object.fromEntries([...named].map(([name, vector]) => [name, vector.slice()]));
}
