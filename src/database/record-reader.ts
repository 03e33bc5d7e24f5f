/**
 * Finds and reads the records of one collection in the trees, at any sequence. It knows nothing of
 * vectors: they are in the pages.
 */
import type { Hasher } from '../base/hasher.ts';
import type { Json } from '../base/json.ts';
import { CorruptionError } from '../errors.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { readList } from '../lsm/list-codec.ts';
import { type Body, decodeBody, decodeMetadata } from './body.ts';
import { decodeHead, type Head } from './head.ts';
import { sameId } from './record-id.ts';
import { BODIES_TREE, HEADS_TREE, IDS_TREE } from './trees.ts';

const HI_SEED = 0x69643031;
const LO_SEED = 0x69643032;

const encoder = new TextEncoder();

export interface FoundRecord {
  readonly record: number;
  readonly head: Head;
}

/** Key of an id in the tree `ids`. */
export interface IdKey {
  readonly hi: number;
  readonly lo: number;
}

const EMPTY_BODY: Body = { metadata: undefined, text: undefined };

export class RecordReader {
  readonly #engine: LsmEngine;
  readonly #hasher: Hasher;
  readonly #collection: number;

  constructor(engine: LsmEngine, hasher: Hasher, collection: number) {
    this.#engine = engine;
    this.#hasher = hasher;
    this.#collection = collection;
  }

  /** A 64-bit hash of collection, namespace and id; equal ids of either integer form hash alike. */
  idKey(namespace: string, id: Uint8Array): IdKey {
    const name = encoder.encode(namespace);
    const bytes = new Uint8Array(8 + name.length + id.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#collection, true);
    view.setUint32(4, name.length, true);
    bytes.set(name, 8);
    bytes.set(id, 8 + name.length);
    if (id[0] !== 0) bytes[8 + name.length] = 1;
    return { hi: this.#hasher.hash32(bytes, HI_SEED), lo: this.#hasher.hash32(bytes, LO_SEED) };
  }

  /** The record of an id, or undefined. */
  find(namespace: string, id: Uint8Array, sequence: number): FoundRecord | undefined {
    const { hi, lo } = this.idKey(namespace, id);
    const bytes = this.#engine.get(IDS_TREE, hi, lo, sequence);
    if (bytes === undefined) return undefined;
    const records = readList(bytes);
    if (records === undefined) throw damaged('ids');
    for (const record of records) {
      const head = this.head(record, sequence);
      if (head === undefined) continue;
      if (head.namespace === namespace && sameId(head.id, id)) return { record, head };
    }
    return undefined;
  }

  head(record: number, sequence: number): Head | undefined {
    const bytes = this.headBytes(record, sequence);
    return bytes === undefined ? undefined : decodeHead(bytes);
  }

  headBytes(record: number, sequence: number): Uint8Array | undefined {
    return this.#engine.get(HEADS_TREE, this.#collection, record, sequence);
  }

  bodyBytes(record: number, sequence: number): Uint8Array | undefined {
    return this.#engine.get(BODIES_TREE, this.#collection, record, sequence);
  }

  body(record: number, sequence: number): Body {
    const bytes = this.bodyBytes(record, sequence);
    return bytes === undefined ? EMPTY_BODY : decodeBody(bytes);
  }

  /** As `body`, without its text. */
  metadata(record: number, sequence: number): Json | undefined {
    const bytes = this.bodyBytes(record, sequence);
    return bytes === undefined ? undefined : decodeMetadata(bytes);
  }

  /** Heads in the order of record numbers, from `fromRecord` on, as of `sequence`. The caller closes it. */
  scanHeads(fromRecord: number, sequence: number): HeadScan {
    const range = { fromHi: this.#collection, toHi: this.#collection, toLo: 0xffffffff, sequence };
    const scan = this.#engine.scan(HEADS_TREE, { ...range, fromLo: fromRecord });
    return {
      next: () =>
        scan.next() ? { record: scan.lo, head: decodeHead(scan.value.slice()) } : undefined,
      close: () => scan.close(),
    };
  }
}

/** Whether a record is in the namespace and passes the filter. Reads its metadata only when there is a filter. */
export function isSelected(
  reader: RecordReader,
  { namespace, filter }: RecordSelection,
  { record, head, sequence }: FoundRecord & { readonly sequence: number },
): boolean {
  if (namespace !== undefined && head.namespace !== namespace) return false;
  if (filter === undefined) return true;
  return filter.passes(head.hasBody ? reader.metadata(record, sequence) : undefined);
}

/** Which records: of a namespace, with metadata that passes; undefined: all of them. */
export interface RecordSelection {
  readonly namespace: string | undefined;
  readonly filter: { readonly passes: (metadata: Json | undefined) => boolean } | undefined;
}

export interface HeadScan {
  next(): FoundRecord | undefined;
  close(): void;
}

function damaged(tree: string): CorruptionError {
  return new CorruptionError('a list of records is malformed', { file: `tree ${tree}`, offset: 0 });
}
