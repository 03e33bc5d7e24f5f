/**
 * Originals for the last step of a search: from the page's cell, from a cell of its own when it is new, or
 * from the file, where a single vector
 * can be read and verified without its page. A space without a column of originals gives what its code slots stand for.
 */
import { CorruptionError } from '../errors.ts';
import type { KernelMemory } from '../kernels/kernels.ts';
import { SLOT_CODE, SLOT_MEAN, SLOT_SCALE } from '../kernels/layout.ts';
import type { Space } from '../kernels/space.ts';
import { type Geometry, UNIT_SIZE } from './geometry.ts';
import type { Place } from './page-map.ts';
import type { PageResidence } from './page-residence.ts';
import type { PageStore } from './page-store.ts';
import type { Columns, SpaceCheckpoint } from './space-checkpoint.ts';

export interface VectorReaderOptions {
  readonly space: Space;
  readonly geometry: Geometry;
  readonly store: PageStore;
  readonly columns: Columns;
  readonly checkpoint: SpaceCheckpoint;
  readonly residence: PageResidence;
}

export class VectorReader {
  readonly #options: VectorReaderOptions;
  readonly #memory: KernelMemory;

  constructor(options: VectorReaderOptions) {
    this.#options = options;
    this.#memory = options.store.kernels.memory;
  }

  /**
   * The address of f32[dimension]; valid until the next allocation, or until the ring has gone round. Takes no cell of
   * originals away, so that some may be asked for one after the other.
   */
  original(page: number, slot: number): number {
    const { geometry, store } = this.#options;
    const address = this.#locate(page, slot);
    if (!this.#isUnverified(address)) return address;
    const stored = this.#memory.u32[(address >>> 2) + geometry.dimension];
    const vector = store.ring.bytes(address, 4 * geometry.dimension);
    const node = page * geometry.slotsPerPage + slot;
    if (stored !== store.hasher.hash32(vector, node)) throw this.#damaged(node);
    return address;
  }

  /**
   * Puts the addresses of originals into `count` entries (u32 node, u32 address) at `entries`, at most `originalsAtOnce`:
   * all are valid together. What was read for them is verified in one call of the module, where it was read to.
   */
  originals(entries: number, count: number): void {
    const { space, geometry, store } = this.#options;
    const { slotsPerPage } = geometry;
    const { u32 } = this.#memory;
    const first = entries >>> 2;
    for (let at = first; at < first + 2 * count; at += 2) {
      const page = Math.floor(u32[at] / slotsPerPage);
      u32[at + 1] = this.#locate(page, u32[at] - page * slotsPerPage);
    }
    if (this.#options.columns.originals === undefined) return;
    const { start, end } = store.ring;
    const wrong = store.kernels.exports.checkOriginals(space.address, entries, count, start, end);
    if (wrong < count) throw this.#damaged(u32[first + 2 * wrong]);
  }

  /** As `original`, but what is in the ring may be damaged. */
  #locate(page: number, slot: number): number {
    const { geometry, columns, checkpoint, residence } = this.#options;
    const { originals, newOriginals } = columns;
    if (originals === undefined) return this.decode(this.codeSlot(page, slot));
    const found = originals.find(page);
    if (found !== 0) return found + slot * geometry.originalStride;
    const added = newOriginals?.find(page, slot) ?? 0;
    if (added !== 0) return added;
    const place = checkpoint.originalsAt(page);
    if (place === undefined) throw residence.missing(page);
    if (!originals.hasRoom(page)) return this.#readSlot(place, slot);
    const complete = (cell: number): void => newOriginals?.patch(page, cell);
    return originals.load(page, place, complete) + slot * geometry.originalStride;
  }

  /** How many vectors, asked for one after the other, are valid together. */
  get originalsAtOnce(): number {
    const { store, geometry } = this.#options;
    return store.ring.capacity(geometry.originalStride);
  }

  /** The address of a code slot, whose page it reads if need be; valid until the next allocation. */
  codeSlot(page: number, slot: number): number {
    const { geometry, residence } = this.#options;
    return residence.codes(page) + geometry.codeSlotsOffset + slot * geometry.codeStride;
  }

  /** The vector that the code slot at `source` holds or stands for, in the ring: its page may be taken away. */
  decode(source: number): number {
    const { geometry, store } = this.#options;
    const { u8, f32 } = this.#memory;
    const { dimension } = geometry;
    const address = store.ring.next(geometry.originalStride);
    const start = source + SLOT_CODE;
    if (geometry.slots === 'vectors') {
      u8.copyWithin(address, start, start + 4 * dimension);
      return address;
    }
    const code = u8.subarray(start, start + dimension);
    const target = f32.subarray(address >>> 2, (address >>> 2) + dimension);
    decodeSq8(code, f32[(source + SLOT_SCALE) >>> 2], f32[(source + SLOT_MEAN) >>> 2], target);
    return address;
  }

  /** The checksum of the vector at `address`, as its slot keeps it. */
  checksum(address: number, node: number): number {
    const { geometry, store } = this.#options;
    const end = address + 4 * geometry.dimension;
    return store.hasher.hash32(this.#memory.u8.subarray(address, end), node);
  }

  #readSlot(place: Place, slot: number): number {
    const { geometry, store, columns } = this.#options;
    const { originalStride } = geometry;
    const address = store.ring.next(originalStride);
    const offset = place.unit * UNIT_SIZE + slot * originalStride;
    store.file.readAt(offset, store.ring.bytes(address, originalStride));
    columns.originals?.countRead(originalStride);
    return address;
  }

  /** Whether `#locate` has read what is there: decoded codes, which lie in the ring too, are verified with their page. */
  #isUnverified(address: number): boolean {
    const { columns, store } = this.#options;
    return (
      columns.originals !== undefined && address >= store.ring.start && address < store.ring.end
    );
  }

  #damaged(node: number): CorruptionError {
    const { geometry, checkpoint, store } = this.#options;
    const { slotsPerPage, originalStride } = geometry;
    const page = Math.floor(node / slotsPerPage);
    const unit = checkpoint.originalsAt(page)?.unit ?? 0;
    const offset = unit * UNIT_SIZE + (node - page * slotsPerPage) * originalStride;
    return new CorruptionError('vector checksum mismatch', { file: store.file.path, offset });
  }
}

/** See "Code cell" in `kernels/layout.ts`. */
export function decodeSq8(
  code: Uint8Array,
  scale: number,
  mean: number,
  target: Float32Array,
): void {
  let sum = 0;
  for (let i = 0; i < code.length; i++) sum += code[i];
  const codeMean = sum / code.length;
  for (let i = 0; i < code.length; i++) target[i] = mean + scale * (code[i] - codeMean);
}
