/**
 * What the log keeps of a vector beside the entries of its commit, so that a page that was not written
 * before a crash can be made again.
 *
 *   u32 space, u32 node, u32 record number, f32[dimension]      little-endian, unaligned
 */
import { assert } from '../base/assert.ts';
import { CorruptionError } from '../errors.ts';

const HEADER_SIZE = 12;

export interface VectorAttachment {
  readonly space: number;
  readonly node: number;
  readonly record: number;
  readonly vector: Float32Array;
}

export function encodeVectorAttachment(attachment: VectorAttachment): Uint8Array {
  const { space, node, record, vector } = attachment;
  const bytes = new Uint8Array(HEADER_SIZE + vector.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, space, true);
  view.setUint32(4, node, true);
  view.setUint32(8, record, true);
  bytes.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), HEADER_SIZE);
  return bytes;
}

/** Copies. */
export function decodeVectorAttachment(bytes: Uint8Array): VectorAttachment {
  if (bytes.length <= HEADER_SIZE || bytes.length % 4 !== 0) {
    throw new CorruptionError('a vector in the log is malformed', { file: 'log', offset: 0 });
  }
  const copy = bytes.slice();
  assert(copy.byteOffset === 0, 'a slice has a buffer of its own');
  const view = new DataView(copy.buffer);
  return {
    space: view.getUint32(0, true),
    node: view.getUint32(4, true),
    record: view.getUint32(8, true),
    vector: new Float32Array(copy.buffer, HEADER_SIZE),
  };
}
