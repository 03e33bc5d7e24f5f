/** LanceDB: an index of vectors (HNSW on 8-bit codes in partitions) and one of each field, filters before the search. */
import { importPeer } from '../harness/peers.ts';
import { vectorAt } from '../harness/vector-file.ts';
import type { FilteredSubject, Found } from './subject.ts';
import type { RangeFilter, Workload } from './workload.ts';

/** The parts of @lancedb/lancedb that are used here; the package is not a dependency. */
interface Query {
  where(predicate: string): Query;
  limit(count: number): Query;
  select(columns: readonly string[]): Query;
  toArray(): Promise<readonly { readonly id: number | bigint }[]>;
}

interface Table {
  add(rows: readonly Record<string, unknown>[]): Promise<unknown>;
  createIndex(column: string, options?: { readonly config: unknown }): Promise<void>;
  vectorSearch(vector: Float32Array): Query;
}

interface Connection {
  createTable(name: string, rows: readonly Record<string, unknown>[]): Promise<Table>;
  close(): void;
}

interface Lancedb {
  connect(directory: string): Promise<Connection>;
  readonly Index: {
    hnswSq(options: Readonly<Record<string, string | number>>): unknown;
    btree(): unknown;
  };
}

const ROWS_PER_CALL = 10_000;

export class LancedbSubject implements FilteredSubject {
  readonly #directory: string;
  #connection: Connection | undefined;
  #table: Table | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async build(workload: Workload): Promise<Record<string, string | number>> {
    const { connect, Index } = await importPeer<Lancedb>('@lancedb/lancedb');
    this.#connection = await connect(this.#directory);
    const { rows } = workload.base;
    const chunk = (from: number): Record<string, unknown>[] =>
      Array.from({ length: Math.min(rows - from, ROWS_PER_CALL) }, (_, i) =>
        rowOf(workload, from + i),
      );
    const table = await this.#connection.createTable('filtered', chunk(0));
    for (let from = ROWS_PER_CALL; from < rows; from += ROWS_PER_CALL) await table.add(chunk(from));
    const config = Index.hnswSq({ distanceType: 'l2', m: 16, efConstruction: 100 });
    await table.createIndex('vector', { config });
    for (const { name } of workload.fields) {
      await table.createIndex(name, { config: Index.btree() });
    }
    this.#table = table;
    return { index: 'hnswSq', m: 16, efConstruction: 100, fieldIndex: 'btree' };
  }

  async search(vector: Float32Array, { field, below }: RangeFilter, k: number): Promise<Found> {
    const query = this.#table!.vectorSearch(vector).where(`\`${field}\` < ${below}`);
    const rows = await query.limit(k).select(['id', '_distance']).toArray();
    return { ids: rows.map(({ id }) => Number(id)), plan: '' };
  }

  close(): Promise<void> {
    this.#connection?.close();
    return Promise.resolve();
  }
}

function rowOf({ base, fields }: Workload, row: number): Record<string, unknown> {
  const values = fields.map(({ name, values: column }) => [name, column[row]] as const);
  return { id: row, vector: Array.from(vectorAt(base, row)), ...Object.fromEntries(values) };
}
