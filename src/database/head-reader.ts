/**
 * Heads of the hits of a search, one after the other in the same bytes: what a hit needs of them is read where it
 * stands. Ten hits are ten heads, and a view or a copy of each would be a tenth of a search.
 */
import type { LsmEngine } from '../lsm/engine.ts';
import { decodeHead, type Head, headNode, headTail } from './head.ts';
import type { RecordId } from './record.ts';
import { decodeId } from './record-id.ts';
import { HEADS_TREE } from './trees.ts';

/** Longer heads, of ids and namespaces of a thousand bytes, are read as others are. */
const BYTES = 512;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class HeadReader {
  readonly #engine: LsmEngine;
  readonly #bytes = new Uint8Array(BYTES);
  #length = 0;

  constructor(engine: LsmEngine) {
    this.#engine = engine;
  }

  /** Reads the head of a record: false when there is none, undefined when it is too long for this reader. */
  read(collection: number, record: number, sequence: number): boolean | undefined {
    const bytes = this.#bytes;
    const length = this.#engine.getInto(HEADS_TREE, collection, record, bytes, sequence);
    if (length > bytes.length) return undefined;
    this.#length = length;
    // What the head before has left behind it is none of this one.
    if (length >= 0) clearAfter(bytes, length);
    return length >= 0;
  }

  /** Node of the record in a vector space, or NO_NODE. */
  node(ordinal: number): number {
    return headNode(this.#bytes, ordinal, this.#length);
  }

  /** CORRUPTION when the head is malformed, as the other reads. */
  get name(): { readonly namespace: string; readonly id: RecordId } {
    const bytes = this.#bytes;
    const { namespaceAt, idAt } = headTail(bytes, this.#length);
    const namespace = namespaceAt === idAt ? '' : decoder.decode(bytes.subarray(namespaceAt, idAt));
    return { namespace, id: decodeId(bytes, idAt, this.#length) };
  }

  /** All of the head, in bytes of its own. */
  get head(): Head {
    return decodeHead(this.#bytes.slice(0, this.#length));
  }
}

/** Eight zeros behind what was read, as far as there is room. So few that `fill` takes five times as long. */
function clearAfter(bytes: Uint8Array, length: number): void {
  const end = Math.min(bytes.length, length + 8);
  for (let i = length; i < end; i++) bytes[i] = 0;
}
