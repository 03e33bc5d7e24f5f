/**
 * The body of a record: metadata and text. Value of the tree `bodies`.
 *
 *   u8 flags       bit 0: metadata, bit 1: text
 *   with bit 0     varint length, metadata as JSON (UTF-8)
 *   with bit 1     text (UTF-8), to the end
 */
import { VarintReader, varintSize, writeVarint } from '../base/varint.ts';
import { CorruptionError } from '../errors.ts';
import type { Json } from './record.ts';

const HAS_METADATA = 1;
const HAS_TEXT = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export interface Body {
  readonly metadata: Json | undefined;
  readonly text: string | undefined;
}

/** `metadata` is JSON text already (see `validate.ts`). Undefined when there is nothing to store. */
export function encodeBody(
  metadata: string | undefined,
  text: string | undefined,
): Uint8Array | undefined {
  if (metadata === undefined && text === undefined) return undefined;
  const json = metadata === undefined ? undefined : encoder.encode(metadata);
  const rest = text === undefined ? undefined : encoder.encode(text);
  const jsonSize = json === undefined ? 0 : varintSize(json.length) + json.length;
  const bytes = new Uint8Array(1 + jsonSize + (rest?.length ?? 0));
  bytes[0] = (json === undefined ? 0 : HAS_METADATA) | (rest === undefined ? 0 : HAS_TEXT);
  let position = 1;
  if (json !== undefined) {
    position = writeVarint(bytes, position, json.length);
    bytes.set(json, position);
    position += json.length;
  }
  if (rest !== undefined) bytes.set(rest, position);
  return bytes;
}

export function decodeBody(bytes: Uint8Array): Body {
  const flags = bytes[0];
  if (bytes.length === 0 || flags > (HAS_METADATA | HAS_TEXT)) throw damaged();
  let position = 1;
  let metadata: Json | undefined;
  if ((flags & HAS_METADATA) !== 0) {
    const reader = new VarintReader(bytes, position);
    const length = reader.next();
    position = reader.position + length;
    if (length < 0 || position > bytes.length) throw damaged();
    try {
      metadata = JSON.parse(decoder.decode(bytes.subarray(reader.position, position))) as Json;
    } catch (cause) {
      throw damaged(cause);
    }
  }
  const text = (flags & HAS_TEXT) === 0 ? undefined : decoder.decode(bytes.subarray(position));
  return { metadata, text };
}

function damaged(cause?: unknown): CorruptionError {
  const where = { file: 'tree bodies', offset: 0 };
  return new CorruptionError('the body of a record is malformed', where, { cause });
}
