/**
 * The cursor of a page of hits: where its last hit stands in the order of distance and record number, how many
 * hits came until then, and which query it is of. Opaque to callers, checked when it comes back.
 *
 *   base64url of: u8 format (1), u32 hash of the query, u32 hits so far, f64 distance, u32 record number
 */
import type { Hasher } from '../base/hasher.ts';
import type { CheckedSearch } from './search-plan.ts';
import { invalid } from './validate.ts';

const FORMAT = 1;
const SIZE = 21;
const SEED = 0x63757231;

export interface Cursor {
  readonly query: number;
  /** Hits of this page and those before it. */
  readonly seen: number;
  /** Of the last hit. */
  readonly distance: number;
  readonly record: number;
}

/** Equal for searches that order the same records in the same way. */
export function queryHash(hasher: Hasher, collection: number, search: CheckedSearch): number {
  const { targets, id, namespace, filter, maxDistance, minScore } = search;
  const parts: Uint8Array[] = [];
  const add = (text: string): void => {
    parts.push(Buffer.from(`${text.length}:${text}`));
  };
  const scope = [namespace ?? null, filter?.text ?? null];
  add(JSON.stringify([collection, ...scope, String(maxDistance), String(minScore)]));
  for (const { vectorName, vector, weight } of targets) {
    add(JSON.stringify([vectorName ?? null, weight]));
    const values = vector ?? new Float32Array(0);
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  if (id !== undefined) parts.push(id);
  return hasher.hash32(Buffer.concat(parts), SEED);
}

export function encodeCursor({ query, seen, distance, record }: Cursor): string {
  const bytes = Buffer.alloc(SIZE);
  bytes.writeUInt8(FORMAT, 0);
  bytes.writeUInt32LE(query, 1);
  bytes.writeUInt32LE(seen, 5);
  bytes.writeDoubleLE(distance, 9);
  bytes.writeUInt32LE(record, 17);
  return bytes.toString('base64url');
}

/** INVALID_ARGUMENT for what is no cursor, or that of another query. */
export function decodeCursor(text: string, query: number): Cursor {
  const bytes = Buffer.from(text, 'base64url');
  const isCursor = bytes.length === SIZE && bytes.readUInt8(0) === FORMAT;
  if (!isCursor || bytes.toString('base64url') !== text || Number.isNaN(bytes.readDoubleLE(9))) {
    throw invalid('after: expected `next` of the last page, got something else');
  }
  if (bytes.readUInt32LE(1) !== query) {
    throw invalid('after: it is of another query; repeat the search that it came from');
  }
  const [seen, record] = [bytes.readUInt32LE(5), bytes.readUInt32LE(17)];
  return { query, seen, distance: bytes.readDoubleLE(9), record };
}
