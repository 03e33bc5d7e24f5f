/**
 * One tree of an engine under its name: the same calls, without the id in each of them. Holds nothing of
 * its own; as many handles as one likes may stand for a tree.
 */
import { DatabaseError } from '../errors.ts';
import type { LsmEngine } from './engine.ts';
import type {
  EngineIterator,
  IteratorOptions,
  Scan,
  ScanRange,
  TreeSpec,
} from './engine-options.ts';
import type { WriteBatch } from './write-batch.ts';

/** A tree by its name. Errors are those of the engine. */
export class LsmTree {
  readonly spec: TreeSpec;
  readonly #engine: LsmEngine;

  /** `INVALID_ARGUMENT` when the engine was opened without a tree of this name. */
  constructor(engine: LsmEngine, name: string) {
    const spec = engine.trees.find((tree) => tree.name === name);
    if (spec === undefined) {
      const names = engine.trees.map((tree) => tree.name).join(', ');
      throw new DatabaseError(
        'INVALID_ARGUMENT',
        `expected one of the trees ${names}, got ${name}`,
      );
    }
    this.spec = spec;
    this.#engine = engine;
  }

  /** See `LsmEngine.get`. */
  get(hi: number, lo: number, sequence?: number): Uint8Array | undefined {
    return this.#engine.get(this.spec.id, hi, lo, sequence);
  }

  /** See `LsmEngine.getInto`. */
  getInto(hi: number, lo: number, into: Uint8Array, sequence?: number): number {
    return this.#engine.getInto(this.spec.id, hi, lo, into, sequence);
  }

  /** See `LsmEngine.scan`. */
  scan(range: ScanRange): Scan {
    return this.#engine.scan(this.spec.id, range);
  }

  /** See `LsmEngine.iterator`. */
  iterator(options?: IteratorOptions): EngineIterator {
    return this.#engine.iterator(this.spec.id, options);
  }

  /** Adds to `batch`, which `LsmEngine.write` commits. The bytes are copied. */
  set(batch: WriteBatch, hi: number, lo: number, value: Uint8Array): void {
    batch.set(this.spec.id, hi, lo, value);
  }

  merge(batch: WriteBatch, hi: number, lo: number, operand: Uint8Array): void {
    batch.merge(this.spec.id, hi, lo, operand);
  }

  delete(batch: WriteBatch, hi: number, lo: number): void {
    batch.delete(this.spec.id, hi, lo);
  }
}
