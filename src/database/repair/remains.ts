/**
 * What is left of the records of a damaged database, read past everything that only speeds reading up: heads
 * in the order of their numbers, bodies, and vectors from the log or from their slots.
 *
 * A vector is taken if its own checksum passes and its slot is the record's. A record whose vector is lost is
 * kept without one: an approximation from its code would be a vector that nobody has written.
 */
import type { Hasher } from '../../base/hasher.ts';
import { isDatabaseError } from '../../errors.ts';
import { SLOT_CODE, SLOT_MEAN, SLOT_RECORD, SLOT_SCALE } from '../../kernels/layout.ts';
import type { LsmEngine } from '../../lsm/engine.ts';
import type { Loss } from '../../lsm/repair/report.ts';
import { type Geometry, UNIT_SIZE } from '../../paged/geometry.ts';
import type { PageFile } from '../../paged/page-file.ts';
import { decodePlaces, type Place, type Places, pageKey } from '../../paged/page-map.ts';
import { decodeSq8 } from '../../paged/vector-reader.ts';
import { type Body, decodeBody } from '../body.ts';
import { type CatalogEntry, readCounters, type SpaceEntry, spacesOf } from '../catalog.ts';
import { decodeHead, type Head, NO_NODE, nodeOf } from '../head.ts';
import type { RecordInput } from '../record.ts';
import { decodeId } from '../record-id.ts';
import { geometryOf, hasOriginalSlices } from '../space-geometry.ts';
import { BODIES_TREE, HEADS_TREE, PAGES_TREE } from '../trees.ts';
import type { VectorAttachment } from '../vector-attachment.ts';

export interface RemainsOptions {
  readonly engine: LsmEngine;
  readonly pages: PageFile;
  readonly hasher: Hasher;
  /** Of the log, in commit order. */
  readonly attachments: readonly VectorAttachment[];
}

interface Found {
  readonly record: number;
  readonly head: Head;
}

/** A node, and the record that it should be of. */
interface Slot {
  readonly record: number;
  readonly node: number;
}

export class Remains {
  readonly lost: Loss[] = [];
  readonly #options: RemainsOptions;
  /** The last vector that the log has for a node of a space. */
  readonly #logged = new Map<string, VectorAttachment>();
  /** The page read last. */
  #page: { readonly key: string; readonly codes: Uint8Array | undefined } | undefined;

  constructor(options: RemainsOptions) {
    this.#options = options;
    for (const attachment of options.attachments) {
      this.#logged.set(`${attachment.space}:${attachment.node}`, attachment);
    }
  }

  /** Numbers of all collections that have records. */
  collections(): Set<number> {
    const numbers = new Set<number>();
    let fromHi = 0;
    for (;;) {
      const range = { fromHi, fromLo: 0, toHi: 0xffffffff, toLo: 0xffffffff };
      const scan = this.#options.engine.scan(HEADS_TREE, range);
      const isFound = scan.next();
      const number = scan.hi;
      scan.close();
      if (!isFound) return numbers;
      numbers.add(number);
      if (number === 0xffffffff) return numbers;
      fromHi = number + 1;
    }
  }

  /** The records of a collection, by number: of two with one id the later one comes last. */
  *records(entry: CatalogEntry): Generator<RecordInput> {
    const { engine } = this.#options;
    const hi = entry.collection;
    const scan = engine.scan(HEADS_TREE, { fromHi: hi, toHi: hi, fromLo: 0, toLo: 0xffffffff });
    try {
      while (scan.next()) {
        const record = scan.lo;
        const bytes = scan.value.slice();
        const where = `collection ${entry.name}, record number ${record}`;
        const head = this.#attempt('record', where, () => decodeHead(bytes));
        const input = head && this.#record(entry, { record, head });
        if (input !== undefined) yield input;
      }
    } finally {
      scan.close();
    }
  }

  /**
   * Notes how many of the records that a collection counted are not among those `left`: a repair that was
   * interrupted before has told nobody what its tables lost.
   */
  noteMissing(entry: CatalogEntry, left: number): void {
    const { engine } = this.#options;
    const counted = ifWhole(() => readCounters(engine, entry.collection).records) ?? 0;
    if (left >= counted) return;
    const detail = `${counted - left} of the ${counted} that it counted`;
    this.lost.push({ what: 'records', where: `collection ${entry.name}`, detail });
  }

  #record(entry: CatalogEntry, found: Found): RecordInput | undefined {
    const { record, head } = found;
    const number = `collection ${entry.name}, record number ${record}`;
    const id = this.#attempt('record', number, () => decodeId(head.id));
    if (id === undefined) return undefined;
    const where = `collection ${entry.name}, id ${typeof id === 'string' ? JSON.stringify(id) : id}`;
    const body = head.hasBody ? this.#body(entry, record, where) : undefined;
    return {
      id,
      namespace: head.namespace,
      ...this.#vectors(entry, found, where),
      ...(body?.metadata !== undefined && { metadata: body.metadata }),
      ...(body?.text !== undefined && { text: body.text }),
      ...(head.expiresAt !== undefined && { ttlSeconds: secondsLeft(head.expiresAt) }),
    };
  }

  #body(entry: CatalogEntry, record: number, where: string): Body | undefined {
    const bytes = this.#options.engine.get(BODIES_TREE, entry.collection, record);
    if (bytes === undefined) {
      this.lost.push({ what: 'body', where, detail: 'metadata and text are gone' });
      return undefined;
    }
    return this.#attempt('body', where, () => decodeBody(bytes));
  }

  #vectors(
    entry: CatalogEntry,
    { record, head }: Found,
    where: string,
  ): Pick<RecordInput, 'vector' | 'vectors'> {
    let main: Float32Array | undefined;
    const named: [string, Float32Array][] = [];
    for (const space of spacesOf(entry)) {
      const node = nodeOf(head, space.ordinal);
      if (node === NO_NODE) continue;
      const place = space.ordinal === 0 ? where : `${where}, vectors ${JSON.stringify(space.name)}`;
      const vector = this.#vector(space, { record, node }, place);
      if (vector === undefined) continue;
      if (space.ordinal === 0) main = vector;
      else named.push([space.name, vector]);
    }
    return {
      ...(main && { vector: main }),
      ...(named.length > 0 && { vectors: Object.fromEntries(named) }),
    };
  }

  #vector(space: SpaceEntry, { record, node }: Slot, where: string): Float32Array | undefined {
    const logged = this.#logged.get(`${space.space}:${node}`);
    const { dimension } = space.options;
    if (logged?.record === record && logged.vector.length === dimension) return logged.vector;
    const vector = this.#attempt('vector', where, () => this.#stored(space, record, node));
    if (vector !== 'lost') return vector;
    const detail = 'its slot is damaged, or holds another record';
    this.lost.push({ what: 'vector', where, detail });
    return undefined;
  }

  #stored(entry: SpaceEntry, record: number, node: number): Float32Array | 'lost' {
    const { engine, pages } = this.#options;
    const geometry = geometryOf(entry.options);
    const page = Math.floor(node / geometry.slotsPerPage);
    const slot = node % geometry.slotsPerPage;
    const bytes = engine.get(PAGES_TREE, entry.space, pageKey(page, 'places'));
    if (bytes === undefined) return 'lost';
    const places = decodePlaces(bytes, pages.path);
    const codes = this.#codes(`${entry.space}:${page}`, places, geometry);
    const start = geometry.codeSlotsOffset + slot * geometry.codeStride;
    if (codes !== undefined) {
      const view = new DataView(codes.buffer, codes.byteOffset, codes.byteLength);
      if (view.getUint32(start + SLOT_RECORD, true) !== record) return 'lost';
    }
    if (places.originals !== undefined) return this.#original(places.originals, geometry, node);
    if (codes === undefined || hasOriginalSlices(entry.options)) return 'lost';
    return decodeSlot(codes.subarray(start, start + geometry.codeStride), geometry);
  }

  /** The code slice of a page; undefined when it is damaged. */
  #codes(key: string, { codes }: Places, geometry: Geometry): Uint8Array | undefined {
    if (this.#page?.key === key) return this.#page.codes;
    let slice: Uint8Array | undefined;
    if (codes !== undefined) {
      const bytes = new Uint8Array(geometry.codeSliceBytes);
      slice = ifWhole(() => {
        this.#options.pages.readSlice(codes, bytes);
        return bytes;
      });
    }
    this.#page = { key, codes: slice };
    return slice;
  }

  /** Each vector has a checksum of its own: damage elsewhere in the slice does not touch it. */
  #original(place: Place, geometry: Geometry, node: number): Float32Array | 'lost' {
    const { pages, hasher } = this.#options;
    const { originalStride, dimension, slotsPerPage } = geometry;
    const bytes = new Uint8Array(originalStride);
    const offset = place.unit * UNIT_SIZE + (node % slotsPerPage) * originalStride;
    pages.readAt(offset, bytes);
    const checksum = new DataView(bytes.buffer).getUint32(4 * dimension, true);
    if (hasher.hash32(bytes.subarray(0, 4 * dimension), node) !== checksum) return 'lost';
    return new Float32Array(bytes.buffer, 0, dimension);
  }

  /** The result of `run`, or undefined after noting what is lost. */
  #attempt<T>(what: string, where: string, run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (!isDatabaseError(error) || error.code !== 'CORRUPTION') throw error;
      this.lost.push({ what, where, detail: error.message });
      return undefined;
    }
  }
}

function ifWhole<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!isDatabaseError(error) || error.code !== 'CORRUPTION') throw error;
    return undefined;
  }
}

/** Of a collection that keeps codes only, or vectors in their place. */
function decodeSlot(slot: Uint8Array, { dimension, slots }: Geometry): Float32Array {
  const view = new DataView(slot.buffer, slot.byteOffset, slot.byteLength);
  const target = new Float32Array(dimension);
  if (slots === 'vectors') {
    for (let i = 0; i < dimension; i++) target[i] = view.getFloat32(SLOT_CODE + 4 * i, true);
    return target;
  }
  const code = slot.subarray(SLOT_CODE, SLOT_CODE + dimension);
  decodeSq8(code, view.getFloat32(SLOT_SCALE, true), view.getFloat32(SLOT_MEAN, true), target);
  return target;
}

/** One that has expired does so again at once, and is not counted as lost. */
function secondsLeft(expiresAt: number): number {
  return Math.max(1, expiresAt - Date.now()) / 1000;
}
