/** The collection that an import goes to: made when its dimension is known, and gone again when nothing came of it. */
import type { Collection, CollectionOptions, Database, Json } from '../index.ts';

export class ImportTarget {
  readonly name: string;
  readonly #database: Database;
  readonly #options: CollectionOptions;
  #isNew = false;

  constructor(database: Database, name: string, options: CollectionOptions) {
    this.#database = database;
    this.name = name;
    this.#options = options;
  }

  /** The dimension is given, or that of a collection that is there. */
  async hasDimension(): Promise<boolean> {
    return (
      this.#options.dimension !== undefined ||
      (await this.#database.collections()).includes(this.name)
    );
  }

  async open<Meta>(dimensionWhenNew: number): Promise<Collection<Meta>> {
    const exists = (await this.#database.collections()).includes(this.name);
    this.#isNew = !exists;
    const dimension = this.#options.dimension ?? (exists ? undefined : dimensionWhenNew);
    return await this.#database.collection<Meta>(this.name, { ...this.#options, dimension });
  }

  /** After a failure: what it made and did not fill would stand in the way of the next attempt. */
  async dropIfNew(collection: Collection<Json>): Promise<void> {
    if (!this.#isNew || collection.info().records > 0) return;
    // The error that brought us here is the one to show.
    await this.#database.dropCollection(this.name).catch(() => {});
  }
}
