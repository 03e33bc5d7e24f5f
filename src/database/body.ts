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
  const { metadata, position } = readMetadata(bytes);
  const hasText = (bytes[0] & HAS_TEXT) !== 0;
  const text = hasText ? decoder.decode(bytes.subarray(position)) : undefined;
  return { metadata, text };
}

/** The metadata alone: text, which may be long, is not looked at. */
export function decodeMetadata(bytes: Uint8Array): Json | undefined {
  return readMetadata(bytes).metadata;
}

/** Metadata, and where the text begins. */
function readMetadata(bytes: Uint8Array): { metadata: Json | undefined; position: number } {
  const flags = bytes[0];
  if (bytes.length === 0 || flags > (HAS_METADATA | HAS_TEXT)) throw damaged();
  if ((flags & HAS_METADATA) === 0) return { metadata: undefined, position: 1 };
  const reader = new VarintReader(bytes, 1);
  const length = reader.next();
  const position = reader.position + length;
  if (length < 0 || position > bytes.length) throw damaged();
  try {
    const json = decoder.decode(bytes.subarray(reader.position, position));
    return { metadata: JSON.parse(json) as Json, position };
  } catch (cause) {
    throw damaged(cause);
  }
}

function damaged(cause?: unknown): CorruptionError {
  const where = { file: 'tree bodies', offset: 0 };
  return new CorruptionError('the body of a record is malformed', where, { cause });
}
