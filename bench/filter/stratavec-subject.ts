/** stratavec as a user has it: indexed fields, default options. */
import { type Collection, type Database, open } from '../../src/index.ts';
import type { FilteredSubject, Found } from './subject.ts';
import type { RangeFilter, Workload } from './workload.ts';

export class StratavecSubject implements FilteredSubject {
  readonly #directory: string;
  readonly #memoryBytes: number | undefined;
  #database: Database | undefined;
  #collection: Collection | undefined;

  constructor(directory: string, memoryBytes: number | undefined) {
    this.#directory = directory;
    this.#memoryBytes = memoryBytes;
  }

  async build({ base, fields }: Workload): Promise<Record<string, string | number | boolean>> {
    const options = this.#memoryBytes === undefined ? {} : { memoryBytes: this.#memoryBytes };
    this.#database = await open(this.#directory, options);
    const types = Object.fromEntries(fields.map(({ name }) => [name, 'number' as const]));
    const { dimension } = base;
    const collection = await this.#database.collection('filtered', {
      dimension,
      metric: 'l2',
      fields: types,
    });
    const metadata = Array.from({ length: base.rows }, (_, row) => {
      return Object.fromEntries(fields.map(({ name, values }) => [name, values[row]]));
    });
    await collection.build({ vectors: Float32Array.from(base.values), metadata });
    this.#collection = collection;
    const { memory } = await this.#database.stats();
    const { m, codes } = collection.info();
    return { m, codes, memoryBytes: memory.budgetBytes, durability: 'sync' };
  }

  async search(vector: Float32Array, { field, below }: RangeFilter, k: number): Promise<Found> {
    const filter = { [field]: { $lt: below } };
    const { hits, stats } = await this.#collection!.searchWithStats({ vector, filter, k });
    return { ids: hits.map(({ id }) => Number(id)), plan: stats.plan };
  }

  async close(): Promise<void> {
    await this.#database?.close();
  }
}
