/** sqlite-vec within better-sqlite3: no graph; every vector that passes is compared. */
import { join } from 'node:path';
import { requirePeer } from '../harness/peers.ts';
import { vectorAt } from '../harness/vector-file.ts';
import type { FilteredSubject, Found } from './subject.ts';
import type { RangeFilter, Workload } from './workload.ts';

/** The parts of both packages that are used here; they are no dependencies. */
interface Statement {
  run(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): readonly { readonly rowid: number }[];
}

interface Sqlite {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

type OpenSqlite = new (path: string) => Sqlite;

interface SqliteVec {
  load(database: Sqlite): void;
}

export class SqliteSubject implements FilteredSubject {
  readonly #database: Sqlite;
  /** By field: vec0 takes no quoted names. */
  #columns: ReadonlyMap<string, string> = new Map();

  constructor(directory: string) {
    const Database = requirePeer<OpenSqlite>('better-sqlite3');
    this.#database = new Database(join(directory, 'filtered.sqlite'));
    requirePeer<SqliteVec>('sqlite-vec').load(this.#database);
  }

  build({ base, fields }: Workload): Promise<Record<string, string>> {
    this.#columns = new Map(fields.map(({ name }, i) => [name, `field${i}`]));
    const names = [...this.#columns.values()];
    const columns = names.map((column) => `${column} float`).join(', ');
    const table = `embedding float[${base.dimension}], ${columns}`;
    this.#database.exec(`create virtual table filtered using vec0(${table}); begin`);
    const places = fields.map(() => '?').join(', ');
    const insert = this.#database.prepare(
      `insert into filtered (rowid, embedding, ${names.join(', ')}) values (?, ?, ${places})`,
    );
    for (let row = 0; row < base.rows; row++) {
      const values = fields.map((field) => field.values[row]);
      insert.run(BigInt(row), bytesOf(vectorAt(base, row)), ...values);
    }
    this.#database.exec('commit');
    return Promise.resolve({ index: 'none' });
  }

  search(vector: Float32Array, { field, below }: RangeFilter, k: number): Promise<Found> {
    const where = `embedding match ? and k = ${k} and ${this.#columns.get(field)} < ?`;
    const find = this.#database.prepare(`select rowid from filtered where ${where}`);
    const rows = find.all(bytesOf(vector), below);
    return Promise.resolve({ ids: rows.map(({ rowid }) => Number(rowid)), plan: '' });
  }

  close(): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }
}

function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}
