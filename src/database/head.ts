/**
 * The head of a record: what a hit needs, short. Value of the tree `heads`.
 *
 *   u8 flags       bit 0: the record has a node in the default vector space
 *                  bit 1: it has a body. Others 0 (room for an expiry and named vectors)
 *   u32 node       only with bit 0
 *   varint length, namespace (UTF-8)
 *   id             record-id.ts, to the end
 */
import { VarintReader, varintSize, writeVarint } from '../base/varint.ts';
import { CorruptionError } from '../errors.ts';

const HAS_NODE = 1;
const HAS_BODY = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A record without a vector has no node. */
export const NO_NODE = -1;

export interface Head {
  /** Node in the default vector space, or NO_NODE. */
  readonly node: number;
  readonly hasBody: boolean;
  readonly namespace: string;
  /** Encoded id. */
  readonly id: Uint8Array;
}

export function encodeHead(head: Head): Uint8Array {
  const namespace = encoder.encode(head.namespace);
  const hasNode = head.node !== NO_NODE;
  const size =
    1 + (hasNode ? 4 : 0) + varintSize(namespace.length) + namespace.length + head.id.length;
  const bytes = new Uint8Array(size);
  bytes[0] = (hasNode ? HAS_NODE : 0) | (head.hasBody ? HAS_BODY : 0);
  let position = 1;
  if (hasNode) {
    new DataView(bytes.buffer).setUint32(position, head.node, true);
    position += 4;
  }
  position = writeVarint(bytes, position, namespace.length);
  bytes.set(namespace, position);
  bytes.set(head.id, position + namespace.length);
  return bytes;
}

export function decodeHead(bytes: Uint8Array): Head {
  const flags = bytes[0];
  if (bytes.length < 3 || flags > (HAS_NODE | HAS_BODY)) throw damaged();
  let position = 1;
  let node = NO_NODE;
  if ((flags & HAS_NODE) !== 0) {
    if (bytes.length < 7) throw damaged();
    node = nodeAt(bytes);
    position = 5;
  }
  const reader = new VarintReader(bytes, position);
  const length = reader.next();
  const idStart = reader.position + length;
  if (length < 0 || idStart >= bytes.length) throw damaged();
  const namespace = length === 0 ? '' : decoder.decode(bytes.subarray(reader.position, idStart));
  return { node, hasBody: (flags & HAS_BODY) !== 0, namespace, id: bytes.subarray(idStart) };
}

/** The node of an encoded head without decoding the rest: how a hit is checked. */
export function headNode(bytes: Uint8Array): number {
  return (bytes[0] & HAS_NODE) !== 0 && bytes.length >= 7 ? nodeAt(bytes) : NO_NODE;
}

function nodeAt(bytes: Uint8Array): number {
  return (bytes[1] | (bytes[2] << 8) | (bytes[3] << 16) | (bytes[4] << 24)) >>> 0;
}

function damaged(): CorruptionError {
  return new CorruptionError('the head of a record is malformed', {
    file: 'tree heads',
    offset: 0,
  });
}
