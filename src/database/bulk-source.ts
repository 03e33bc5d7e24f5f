/**
 * What a bulk load reads: contents numbered from 0, each with an id, and perhaps a vector and a body; and the
 * arrays that `build` takes as such a source.
 */
import { encodeBody } from './body.ts';
import type { CheckedRecord } from './checked-record.ts';
import { NO_VECTORS } from './named-vectors.ts';
import type { RecordId } from './record.ts';
import { encodeId, identityOf } from './record-id.ts';
import { checkMetadata } from './validate.ts';

export interface BulkSource {
  readonly count: number;
  hasVector(index: number): boolean;
  /** Copies the vector, which is there, to `target`, which has the dimension. */
  readVector(index: number, target: Float32Array): void;
  namespace(index: number): string;
  /** Whether any content has vectors in named spaces: a bulk load does not store those. */
  readonly hasNamed: boolean;
  /** The encoded id, borrowed until the next call of anything here. */
  id(index: number): Uint8Array;
  /** The encoded body, or undefined; borrowed. */
  body(index: number): Uint8Array | undefined;
  /** How long it lives after the commit; undefined: for ever. */
  ttlMs(index: number): number | undefined;
  /** The whole content, for a collection that takes it by insertion. */
  record(index: number): CheckedRecord;
}

/** The first contents of a source. */
export function firstOf(source: BulkSource, count: number): BulkSource {
  return {
    count,
    hasNamed: source.hasNamed,
    hasVector: (index) => source.hasVector(index),
    readVector: (index, target) => source.readVector(index, target),
    namespace: (index) => source.namespace(index),
    id: (index) => source.id(index),
    body: (index) => source.body(index),
    ttlMs: (index) => source.ttlMs(index),
    record: (index) => source.record(index),
  };
}

/** Vectors of one array, row-major; what was checked is checked no more. */
export class ArraySource implements BulkSource {
  readonly count: number;
  readonly hasNamed = false;
  readonly #vectors: Float32Array;
  readonly #dimension: number;
  readonly #ids: readonly RecordId[] | undefined;
  readonly #metadata: readonly unknown[] | undefined;

  constructor(
    vectors: Float32Array,
    dimension: number,
    ids: readonly RecordId[] | undefined,
    metadata: readonly unknown[] | undefined,
  ) {
    this.count = vectors.length / dimension;
    this.#vectors = vectors;
    this.#dimension = dimension;
    this.#ids = ids;
    this.#metadata = metadata;
  }

  hasVector(): boolean {
    return true;
  }

  readVector(index: number, target: Float32Array): void {
    target.set(this.#row(index));
  }

  namespace(): string {
    return '';
  }

  id(index: number): Uint8Array {
    return encodeId(this.#ids === undefined ? index : this.#ids[index]);
  }

  body(index: number): Uint8Array | undefined {
    return this.#metadata === undefined ? undefined : encodeBody(this.#json(index), undefined);
  }

  ttlMs(): undefined {}

  record(index: number): CheckedRecord {
    const id = this.id(index);
    const vector = this.#row(index).slice();
    const identity = identityOf('', id);
    return {
      namespace: '',
      id,
      identity,
      vector,
      named: NO_VECTORS,
      metadata: this.#json(index),
      text: undefined,
      ttlMs: undefined,
    };
  }

  #row(index: number): Float32Array {
    return this.#vectors.subarray(index * this.#dimension, (index + 1) * this.#dimension);
  }

  #json(index: number): string | undefined {
    return checkMetadata(this.#metadata?.[index], `metadata[${index}]`);
  }
}
