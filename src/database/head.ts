/**
 * The head of a record: what a hit needs, short. Value of the tree `heads`.
 *
 *   u8 flags       bit 0: a node in the default vector space; bit 1: a body; bit 2: it expires;
 *                  bit 3: nodes in named vector spaces. Others 0
 *   u32 node       only with bit 0
 *   u48 expiresAt  only with bit 2: ms since 1970
 *   named nodes    only with bit 3: u8 count, then by ascending ordinal { u8 ordinal, u32 node }
 *   varint length, namespace (UTF-8)
 *   id             record-id.ts, to the end
 *
 * An ordinal is the number of a vector space within its collection: 0 is the default one, named ones count
 * from 1 in the order of the catalog.
 */
import { assert } from '../base/assert.ts';
import { VarintReader, varintSize, writeVarint } from '../base/varint.ts';
import { CorruptionError } from '../errors.ts';

const HAS_NODE = 1;
const HAS_BODY = 2;
const EXPIRES = 4;
const HAS_NAMED = 8;
const FLAGS_MAX = HAS_NODE | HAS_BODY | EXPIRES | HAS_NAMED;

const EXPIRY_SIZE = 6;
const NAMED_SIZE = 5;

/** The latest expiry that a head can hold, in ms since 1970: in the year 10889. */
export const EXPIRES_AT_MAX: number = 2 ** 48 - 1;

/** Named vector spaces that a collection can have. */
export const NAMED_SPACES_MAX = 255;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A record without a vector has no node. */
export const NO_NODE = -1;

/** A node in a named vector space. */
export interface NamedNode {
  /** Of the space within its collection, 1 to 255. */
  readonly ordinal: number;
  readonly node: number;
}

/** Of a record without named vectors. */
export const NO_NAMED: readonly NamedNode[] = [];

export interface Head {
  /** Node in the default vector space, or NO_NODE. */
  readonly node: number;
  /** Nodes in named vector spaces, by ascending ordinal. */
  readonly named: readonly NamedNode[];
  readonly hasBody: boolean;
  /** In ms since 1970; undefined: never. */
  readonly expiresAt: number | undefined;
  readonly namespace: string;
  /** Encoded id. */
  readonly id: Uint8Array;
}

export function encodeHead(head: Head): Uint8Array {
  const { node, named, hasBody, expiresAt, id } = head;
  const namespace = encoder.encode(head.namespace);
  const hasNode = node !== NO_NODE;
  const namedSize = named.length === 0 ? 0 : 1 + NAMED_SIZE * named.length;
  const fixedSize = 1 + (hasNode ? 4 : 0) + (expiresAt === undefined ? 0 : EXPIRY_SIZE) + namedSize;
  const size = fixedSize + varintSize(namespace.length) + namespace.length + id.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes[0] =
    (hasNode ? HAS_NODE : 0) |
    (hasBody ? HAS_BODY : 0) |
    (expiresAt === undefined ? 0 : EXPIRES) |
    (namedSize === 0 ? 0 : HAS_NAMED);
  let position = 1;
  if (hasNode) {
    view.setUint32(position, node, true);
    position += 4;
  }
  if (expiresAt !== undefined) {
    assert(expiresAt >= 0 && expiresAt <= EXPIRES_AT_MAX, 'an expiry fits 48 bits');
    view.setUint32(position, expiresAt % 2 ** 32, true);
    view.setUint16(position + 4, Math.floor(expiresAt / 2 ** 32), true);
    position += EXPIRY_SIZE;
  }
  if (namedSize > 0) writeNamed(bytes, position, named);
  position = writeVarint(bytes, position + namedSize, namespace.length);
  bytes.set(namespace, position);
  bytes.set(id, position + namespace.length);
  return bytes;
}

export function decodeHead(bytes: Uint8Array): Head {
  const flags = bytes[0];
  const { expiryAt, namedAt, named, namespaceAt, idAt } = headTail(bytes, bytes.length);
  const node = expiryAt === 1 ? NO_NODE : u32At(bytes, 1);
  const expiresAt =
    namedAt === expiryAt
      ? undefined
      : u32At(bytes, expiryAt) + (bytes[expiryAt + 4] | (bytes[expiryAt + 5] << 8)) * 2 ** 32;
  const namespace = namespaceAt === idAt ? '' : decoder.decode(bytes.subarray(namespaceAt, idAt));
  const hasBody = (flags & HAS_BODY) !== 0;
  return { node, named, hasBody, expiresAt, namespace, id: bytes.subarray(idAt) };
}

/** Where the parts of the head in the first `size` bytes stand. Namespace and id follow each other to its end. */
export function headTail(
  bytes: Uint8Array,
  size: number,
): {
  readonly expiryAt: number;
  readonly namedAt: number;
  readonly named: readonly NamedNode[];
  readonly namespaceAt: number;
  readonly idAt: number;
} {
  const flags = bytes[0];
  if (size < 3 || flags > FLAGS_MAX) throw damaged();
  const expiryAt = (flags & HAS_NODE) === 0 ? 1 : 5;
  const namedAt = expiryAt + ((flags & EXPIRES) === 0 ? 0 : EXPIRY_SIZE);
  if (size < namedAt + 2) throw damaged();
  const named = (flags & HAS_NAMED) === 0 ? NO_NAMED : readNamed(bytes, namedAt, size);
  const lengthAt = namedAt + (named.length === 0 ? 0 : 1 + NAMED_SIZE * named.length);
  if (bytes[lengthAt] < 0x80) {
    const idAt = lengthAt + 1 + bytes[lengthAt];
    if (idAt >= size) throw damaged();
    return { expiryAt, namedAt, named, namespaceAt: lengthAt + 1, idAt };
  }
  const reader = new VarintReader(bytes, lengthAt);
  const length = reader.next();
  const idAt = reader.position + length;
  if (length < 0 || idAt >= size) throw damaged();
  return { expiryAt, namedAt, named, namespaceAt: reader.position, idAt };
}

/** Node of a record in a vector space, or NO_NODE. */
export function nodeOf({ node, named }: Head, ordinal: number): number {
  if (ordinal === 0) return node;
  return named.find((other) => other.ordinal === ordinal)?.node ?? NO_NODE;
}

/** The head with another node in a vector space; NO_NODE: none. */
export function withNode(head: Head, ordinal: number, node: number): Head {
  if (ordinal === 0) return { ...head, node };
  const others = head.named.filter((other) => other.ordinal !== ordinal);
  if (node === NO_NODE) return { ...head, named: others };
  const named = [...others, { ordinal, node }].sort((a, b) => a.ordinal - b.ordinal);
  return { ...head, named };
}

/** As `nodeOf`, of a head in the first `size` bytes without decoding the rest: how a hit is checked. */
export function headNode(bytes: Uint8Array, ordinal = 0, size: number = bytes.length): number {
  const flags = bytes[0];
  const expiryAt = (flags & HAS_NODE) === 0 ? 1 : 5;
  if (ordinal === 0) return expiryAt === 5 && size >= 7 ? u32At(bytes, 1) : NO_NODE;
  if ((flags & HAS_NAMED) === 0) return NO_NODE;
  const at = expiryAt + ((flags & EXPIRES) === 0 ? 0 : EXPIRY_SIZE);
  const end = at + 1 + NAMED_SIZE * bytes[at];
  if (end > size) return NO_NODE;
  for (let entry = at + 1; entry < end; entry += NAMED_SIZE) {
    if (bytes[entry] === ordinal) return u32At(bytes, entry + 1);
  }
  return NO_NODE;
}

function writeNamed(bytes: Uint8Array, position: number, named: readonly NamedNode[]): void {
  assert(named.length <= NAMED_SPACES_MAX, 'a record has one node a vector space at most');
  const view = new DataView(bytes.buffer);
  bytes[position++] = named.length;
  let last = 0;
  for (const { ordinal, node } of named) {
    assert(ordinal > last && ordinal <= NAMED_SPACES_MAX, 'named nodes are in ascending order');
    bytes[position] = ordinal;
    view.setUint32(position + 1, node, true);
    position += NAMED_SIZE;
    last = ordinal;
  }
}

function readNamed(bytes: Uint8Array, position: number, size: number): readonly NamedNode[] {
  const count = bytes[position++];
  if (count === 0 || position + NAMED_SIZE * count >= size) throw damaged();
  const named: NamedNode[] = [];
  let last = 0;
  for (let i = 0; i < count; i++, position += NAMED_SIZE) {
    const ordinal = bytes[position];
    if (ordinal <= last) throw damaged();
    named.push({ ordinal, node: u32At(bytes, position + 1) });
    last = ordinal;
  }
  return named;
}

function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

function damaged(): CorruptionError {
  return new CorruptionError('the head of a record is malformed', {
    file: 'tree heads',
    offset: 0,
  });
}
