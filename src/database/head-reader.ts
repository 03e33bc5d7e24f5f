/**
 * Heads of the hits of a search, one after the other in the same bytes: what a hit needs of them is read where it
 * stands. Ten hits are ten heads, and a view or a copy of each would be a tenth of a search.
 */
import { assert } from '../base/assert.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { decodeHead, type Head, headNode, headTail, NO_NODE } from './head.ts';
import type { NameCache } from './name-cache.ts';
import type { RecordId } from './record.ts';
import { decodeId } from './record-id.ts';
import { HEADS_TREE } from './trees.ts';

/** Longer heads, of ids and namespaces of a thousand bytes, are read as others are. */
const BYTES = 512;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class HeadReader {
  readonly #engine: LsmEngine;
  readonly #names: NameCache;
  readonly #bytes = new Uint8Array(BYTES);
  #length = 0;
  /** Of a record that is known without its head, or -1. */
  #place = -1;

  constructor(engine: LsmEngine, names: NameCache) {
    this.#engine = engine;
    this.#names = names;
  }

  /** As `read`, for a caller who asks for nothing but the name and the node in the default space: both are often known. */
  readName(collection: number, record: number, sequence: number): boolean | undefined {
    const names = this.#names;
    this.#place = names.find(collection, record, sequence);
    if (this.#place >= 0) return true;
    const isThere = this.read(collection, record, sequence);
    if (isThere !== true) return isThere;
    const node = this.node(0);
    const { namespace, id } = this.name;
    if (node !== NO_NODE && namespace === '')
      names.keep(collection, record, sequence, { node, id });
    return true;
  }

  /** Reads the head of a record: false when there is none, undefined when it is too long for this reader. */
  read(collection: number, record: number, sequence: number): boolean | undefined {
    const bytes = this.#bytes;
    this.#place = -1;
    const length = this.#engine.getInto(HEADS_TREE, collection, record, bytes, sequence);
    if (length > bytes.length) return undefined;
    this.#length = length;
    // What the head before has left behind it is none of this one.
    if (length >= 0) clearAfter(bytes, length);
    return length >= 0;
  }

  /** Node of the record in a vector space, or NO_NODE. */
  node(ordinal: number): number {
    if (this.#place >= 0) {
      assert(ordinal === 0, 'of a name only the node in the default space is known');
      return this.#names.nodeAt(this.#place);
    }
    return headNode(this.#bytes, ordinal, this.#length);
  }

  /** CORRUPTION when the head is malformed, as the other reads. */
  get name(): { readonly namespace: string; readonly id: RecordId } {
    if (this.#place >= 0) return { namespace: '', id: this.#names.idAt(this.#place) };
    const bytes = this.#bytes;
    const { namespaceAt, idAt } = headTail(bytes, this.#length);
    const namespace = namespaceAt === idAt ? '' : decoder.decode(bytes.subarray(namespaceAt, idAt));
    return { namespace, id: decodeId(bytes, idAt, this.#length) };
  }

  /** All of the head, in bytes of its own. */
  get head(): Head {
    assert(this.#place < 0, 'a head was read, not only a name');
    return decodeHead(this.#bytes.slice(0, this.#length));
  }
}

/** Eight zeros behind what was read, as far as there is room. So few that `fill` takes five times as long. */
function clearAfter(bytes: Uint8Array, length: number): void {
  const end = Math.min(bytes.length, length + 8);
  for (let i = length; i < end; i++) bytes[i] = 0;
}
