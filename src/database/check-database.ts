/**
 * Verifies a whole database. Runs in a turn of the writer and beside no checkpoint, so that pages, graph
 * and trees are at the same commit; lets the event loop turn between pieces.
 */
import { isDatabaseError } from '../errors.ts';
import { compareCodes, keywordCode } from '../filter/index-code.ts';
import { codeAt, recordAt } from '../filter/index-scan.ts';
import { checkPages } from '../paged/page-check.ts';
import { readCounters, readSpaceCounters } from './catalog.ts';
import { checkFields } from './check-fields.ts';
import type { CollectionStore } from './collection-store.ts';
import { indexedExpiries } from './expiries.ts';
import { NO_NODE, nodeOf } from './head.ts';
import { namespaceSlices } from './namespace-index.ts';
import type { FoundRecord } from './record-reader.ts';
import type { Session } from './session.ts';
import { TimeSlice } from './time-slice.ts';
import type { VectorStore } from './vector-store.ts';

/** Something that `Database.check` found wrong. */
export interface CheckProblem {
  /** Short and stable: what kind of problem it is. */
  readonly code: string;
  /** Which file, tree or collection. */
  readonly where: string;
  /** For people: what was expected there, what was found. */
  readonly detail: string;
}

/** What `Database.check` found and counted; `ok` when there is no problem. */
export interface CheckReport {
  /** No problem. */
  readonly ok: boolean;
  /** In the order in which they were met. */
  readonly problems: readonly CheckProblem[];
  /** What there is. */
  readonly counts: {
    readonly collections: number;
    readonly records: number;
    readonly vectors: number;
    readonly ghosts: number;
    readonly pages: number;
    /** Of the bottom layers of all graphs. */
    readonly edges: number;
    /** Living nodes that no neighbour list names, entries aside: searches cannot find them. */
    readonly withoutInEdge: number;
    /** Living nodes that no path leads to from the entry of their graph. */
    readonly unreachable: number;
  };
}

/** More problems than this tell nobody more. */
const PROBLEMS_MAX = 1000;

/** @internal */
export async function checkDatabase(session: Session): Promise<CheckReport> {
  await session.checkpointer.idle();
  const problems: CheckProblem[] = [];
  const counts = {
    collections: 0,
    records: 0,
    vectors: 0,
    ghosts: 0,
    pages: 0,
    edges: 0,
    withoutInEdge: 0,
    unreachable: 0,
  };
  const { problems: found } = await session.stores.engine.check();
  problems.push(...found);
  for (const store of session.collections.open) {
    const check = new CollectionCheck(session, store, problems);
    await check.run();
    counts.collections++;
    counts.records += check.records;
    counts.vectors += check.vectors;
    for (const { vectors } of store.vectorStores) {
      counts.ghosts += vectors.counters.ghosts;
      counts.pages += vectors.counters.pages;
    }
    counts.edges += check.edges;
    counts.withoutInEdge += check.withoutInEdge;
    counts.unreachable += check.unreachable;
  }
  const stores = session.collections.all.flatMap(({ vectorStores }) => vectorStores);
  const spaces = stores.map(({ vectors }) => vectors);
  problems.push(...(await checkPages(session.stores.pages, spaces)).problems);
  return { ok: problems.length === 0, problems: problems.slice(0, PROBLEMS_MAX), counts };
}

class CollectionCheck {
  records = 0;
  /** Of all vector spaces. */
  vectors = 0;
  edges = 0;
  withoutInEdge = 0;
  unreachable = 0;
  /** By ordinal of the vector space: records with a vector there. */
  readonly #vectorsOf: number[] = [];
  /** Records outside the default namespace. */
  #inNamespaces = 0;
  #expiring = 0;
  readonly #session: Session;
  readonly #store: CollectionStore;
  readonly #problems: CheckProblem[];
  readonly #sequence: number;
  readonly #slice = new TimeSlice();

  constructor(session: Session, store: CollectionStore, problems: CheckProblem[]) {
    this.#session = session;
    this.#store = store;
    this.#problems = problems;
    this.#sequence = session.stores.engine.appliedSequence;
  }

  async run(): Promise<void> {
    await this.#guarded('records', () => this.#checkRecords());
    await this.#guarded('expiries', () => this.#checkExpiries());
    await this.#guarded('namespaces', () => this.#checkNamespaces());
    await this.#guarded('fields', () => this.#checkFields());
    for (const space of this.#store.vectorStores) {
      await this.#guarded('graph', () => this.#checkSpace(space));
    }
  }

  /** Damage ends one part of the check, not all of it. */
  async #guarded(part: string, check: () => Promise<void>): Promise<void> {
    try {
      await check();
    } catch (error) {
      // Where memory has no room, nothing is known.
      if (!isDatabaseError(error) || error.code === 'RESOURCE_EXHAUSTED') throw error;
      this.#report(error.code, `${part}: ${error.message}`);
    }
  }

  async #checkRecords(): Promise<void> {
    const scan = this.#store.reader.scanHeads(0, this.#sequence);
    try {
      for (let found = scan.next(); found !== undefined; found = scan.next()) {
        this.records++;
        if (found.head.namespace !== '') this.#inNamespaces++;
        if (found.head.expiresAt !== undefined) this.#expiring++;
        this.#checkRecord(found);
        if (this.#slice.isOver) await this.#slice.yield();
      }
    } finally {
      scan.close();
    }
    const { engine } = this.#session.stores;
    const counters = readCounters(engine, this.#store.entry.collection, this.#sequence);
    this.#expect('COUNT', 'records', [this.records, counters.records]);
    if (this.#store.main !== undefined) {
      this.#expect('COUNT', 'vectors', [this.#vectorsOf[0] ?? 0, counters.vectors]);
    }
  }

  #checkRecord({ record, head }: FoundRecord): void {
    const { reader } = this.#store;
    const found = reader.find(head.namespace, head.id, this.#sequence);
    if (found?.record !== record) this.#report('ID', `record ${record} is not found by its id`);
    const hasBody = reader.bodyBytes(record, this.#sequence) !== undefined;
    if (hasBody !== head.hasBody) this.#report('BODY', `record ${record}: head and body disagree`);
    if (hasBody) reader.body(record, this.#sequence);
    for (const { vectors, ordinal } of this.#store.vectorStores) {
      const node = nodeOf(head, ordinal);
      if (node === NO_NODE) continue;
      this.vectors++;
      this.#vectorsOf[ordinal] = (this.#vectorsOf[ordinal] ?? 0) + 1;
      if (!vectors.isLive(node)) {
        this.#report('NODE', `record ${record} names node ${node}, which does not live`);
      } else if (vectors.recordOf(node) !== record) {
        this.#report('NODE', `node ${node} does not name record ${record}`);
      }
    }
  }

  /** Every record that expires is in the index, by its second, and no other one. */
  async #checkExpiries(): Promise<void> {
    const { engine } = this.#session.stores;
    const { reader, entry } = this.#store;
    let listed = 0;
    for (const { second, record } of indexedExpiries(engine, entry.collection, this.#sequence)) {
      listed++;
      const expiresAt = reader.head(record, this.#sequence)?.expiresAt;
      if (expiresAt === undefined || Math.floor(expiresAt / 1000) !== second) {
        this.#report('EXPIRY', `record ${record} is listed for ${second} s and should not be`);
      }
      if (this.#slice.isOver) await this.#slice.yield();
    }
    this.#expect('EXPIRY', 'records that expire', [listed, this.#expiring]);
  }

  async #checkFields(): Promise<void> {
    const checked = { stores: this.#session.stores, store: this.#store, sequence: this.#sequence };
    await checkFields(checked, (code, detail) => this.#report(code, detail));
  }

  /** Every record of the index is there; every record outside the default namespace is in the index. */
  async #checkNamespaces(): Promise<void> {
    const { engine, hasher } = this.#session.stores;
    const { reader, entry } = this.#store;
    const at = { hasher, collection: entry.collection, sequence: this.#sequence };
    let listed = 0;
    for (const slice of namespaceSlices(engine, at, '')) {
      for (let i = slice.start; i < slice.end; i++) {
        listed++;
        const record = recordAt(slice, i);
        const head = reader.head(record, this.#sequence);
        const code = head && keywordCode(head.namespace, hasher);
        if (!head?.namespace || code === undefined || compareCodes(code, codeAt(slice, i)) !== 0) {
          this.#report('NAMESPACE', `record ${record} is listed and should not be`);
        }
        if (this.#slice.isOver) await this.#slice.yield();
      }
    }
    this.#expect('NAMESPACE', 'records in namespaces', [listed, this.#inNamespaces]);
  }

  async #checkSpace(space: VectorStore): Promise<void> {
    const { graph, vectors, counters, ordinal, id, name } = space;
    const { live, ghosts } = vectors.counters;
    const named = this.#vectorsOf[ordinal] ?? 0;
    this.#expect('PAGES', 'living nodes', [live, named]);
    if (ordinal > 0) {
      const stored = readSpaceCounters(this.#session.stores.engine, id, this.#sequence).vectors;
      this.#expect('COUNT', `vectors of ${name}`, [named, stored]);
    }
    const report = await graph.check();
    this.edges += report.edges;
    this.withoutInEdge += report.unnamed;
    this.unreachable += Math.round((1 - report.reachable) * report.living);
    for (const detail of report.problems) this.#report('GRAPH', detail);
    this.#expect('GRAPH', 'nodes with a list', [report.nodes, live + ghosts]);
    this.#expect('GRAPH', 'living nodes', [report.living, counters.vectors]);
  }

  #expect(code: string, what: string, [found, expected]: readonly [number, number]): void {
    if (found !== expected) this.#report(code, `${what}: ${found}, expected ${expected}`);
  }

  #report(code: string, detail: string): void {
    const where = `collection ${this.#store.entry.name}`;
    if (this.#problems.length <= PROBLEMS_MAX) this.#problems.push({ code, where, detail });
  }
}
