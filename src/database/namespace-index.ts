/**
 * Which records are in which namespace: field 0 of a collection in the tree `fields`. Only namespaces
 * other than the default one are listed, so that the many collections that use one pay nothing; the
 * default namespace is everything that is not listed.
 *
 * A key holds 16 bits of the namespace's hash and the chunk of 65,536 record numbers; two namespaces of
 * equal hash share a list. A reader therefore checks the namespace in the head of what it finds.
 */
import type { Hasher } from '../base/hasher.ts';
import { CorruptionError } from '../errors.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { encodeEdges, readList } from '../lsm/list-codec.ts';
import type { WriteBatch } from '../lsm/write-batch.ts';
import { FIELDS_TREE, NAMESPACE_FIELD } from './trees.ts';

const HASH_SEED = 0x6e616d65;
const CHUNK_SHIFT = 16;
const encoder = new TextEncoder();
const NONE = new Uint32Array(0);

function namespaceHash(hasher: Hasher, namespace: string): number {
  return hasher.hash32(encoder.encode(namespace), HASH_SEED) & 0xffff;
}

function fieldHi(collection: number): number {
  return ((collection << 8) | NAMESPACE_FIELD) >>> 0;
}

/** Changes of one commit, gathered by key so that a batch writes one operand a key. */
export class NamespaceChanges {
  readonly #hasher: Hasher;
  readonly #collection: number;
  /** By key (lo): records added and removed. */
  readonly #changes = new Map<number, { added: number[]; removed: number[] }>();

  constructor(hasher: Hasher, collection: number) {
    this.#hasher = hasher;
    this.#collection = collection;
  }

  add(namespace: string, record: number): void {
    if (namespace !== '') this.#at(namespace, record).added.push(record);
  }

  remove(namespace: string, record: number): void {
    if (namespace !== '') this.#at(namespace, record).removed.push(record);
  }

  writeTo(batch: WriteBatch): void {
    for (const { hi, lo, value } of this.entries()) batch.merge(FIELDS_TREE, hi, lo, value);
  }

  /** Operands for the tree `fields`, one a key. */
  entries(): { readonly hi: number; readonly lo: number; readonly value: Uint8Array }[] {
    const hi = fieldHi(this.#collection);
    return [...this.#changes].map(([lo, { added, removed }]) => {
      const gone = removed.length === 0 ? NONE : Uint32Array.from(removed).sort();
      return { hi, lo, value: encodeEdges(Uint32Array.from(added).sort(), gone) };
    });
  }

  #at(namespace: string, record: number): { added: number[]; removed: number[] } {
    const hash = namespaceHash(this.#hasher, namespace);
    const lo = ((hash << CHUNK_SHIFT) | (record >>> CHUNK_SHIFT)) >>> 0;
    let change = this.#changes.get(lo);
    if (change === undefined) {
      change = { added: [], removed: [] };
      this.#changes.set(lo, change);
    }
    return change;
  }
}

/**
 * Calls `visit` with each list of record numbers that may be in `namespace`, ascending; for
 * the default namespace, with the lists of all others.
 */
export function visitNamespace(
  engine: LsmEngine,
  at: { readonly hasher: Hasher; readonly collection: number; readonly sequence: number },
  namespace: string,
  visit: (records: Uint32Array) => void,
): void {
  const hi = fieldHi(at.collection);
  const hash = namespace === '' ? 0 : namespaceHash(at.hasher, namespace);
  const fromLo = (hash << CHUNK_SHIFT) >>> 0;
  const toLo = namespace === '' ? 0xffffffff : (fromLo | 0xffff) >>> 0;
  const range = { fromHi: hi, toHi: hi, fromLo, toLo, sequence: at.sequence };
  const scan = engine.scan(FIELDS_TREE, range);
  try {
    while (scan.next()) {
      const records = readList(scan.value);
      if (records === undefined) throw damaged();
      visit(records);
    }
  } finally {
    scan.close();
  }
}

function damaged(): CorruptionError {
  return new CorruptionError('a list of records is malformed', { file: 'tree fields', offset: 0 });
}
