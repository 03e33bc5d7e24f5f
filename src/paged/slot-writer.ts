/** Writes a vector to its slot: record number and code in the cell of its page, the original in a cell of its own. */
import { assert } from '../base/assert.ts';
import { SLOT_RECORD } from '../kernels/layout.ts';
import type { Space } from '../kernels/space.ts';
import type { Geometry } from './geometry.ts';
import type { PageStore } from './page-store.ts';
import type { Columns, SpaceCheckpoint } from './space-checkpoint.ts';
import type { SpacePlan } from './space-plan.ts';
import type { VectorReader } from './vector-reader.ts';

export interface SlotWriterOptions {
  readonly space: Space;
  readonly geometry: Geometry;
  readonly store: PageStore;
  readonly columns: Columns;
  readonly checkpoint: SpaceCheckpoint;
  readonly reader: VectorReader;
}

export class SlotWriter {
  readonly #options: SlotWriterOptions;

  constructor(options: SlotWriterOptions) {
    this.#options = options;
    options.store.ring.fit(options.geometry.originalStride);
  }

  /** The codes of the node's page are in memory and pinned. `plan` gets what the slots held before. The vector is copied. */
  write(
    node: number,
    { record, vector }: { readonly record: number; readonly vector: Float32Array },
    plan: SpacePlan | undefined,
  ): void {
    const { space, geometry, store, columns, checkpoint, reader } = this.#options;
    const { dimension, codeStride, originalStride } = geometry;
    assert(vector.length === dimension, 'a vector has the dimension of its space');
    const { memory, exports } = store.kernels;
    const { newOriginals } = columns;
    const page = space.pageOf(node);
    const slot = space.slotOf(node);
    const original = newOriginals?.take(page, slot, plan) ?? store.ring.next(originalStride);
    checkpoint.recount();
    const code = reader.codeSlot(page, slot);
    plan?.save(memory, code, codeStride);
    memory.f32.set(vector, original >>> 2);
    memory.u32[(original >>> 2) + dimension] = reader.checksum(original, node);
    memory.u32[(code + SLOT_RECORD) >>> 2] = record;
    exports.encodeSlot(space.address, original, code);
    newOriginals?.show(page, slot);
  }
}
