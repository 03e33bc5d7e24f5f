/**
 * Ids of records: their bytes, and what makes two ids the same.
 *
 *   u8 form      0 string, 1 number (written as an integer), 2 bigint
 *   string       UTF-8 bytes to the end
 *   integer      i64, little-endian
 *
 * The form says how the id is given back. Two ids are the same when their identities are: a string's
 * is its text, an integer's is its value, whichever form it has.
 */
import { CorruptionError, DatabaseError } from '../errors.ts';
import type { RecordId } from './record.ts';

const STRING_FORM = 0;
const NUMBER_FORM = 1;
const BIGINT_FORM = 2;

const ID_BYTES_MAX = 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of an id that a user gave; `INVALID_ARGUMENT` when it is none. */
export function encodeId(id: RecordId, name = 'id'): Uint8Array {
  if (typeof id === 'string') return encodeStringId(id, name);
  if (typeof id === 'number') {
    if (!Number.isSafeInteger(id)) {
      throw invalid(`${name}: expected a safe integer, got ${id}; use a string for other numbers`);
    }
    return encodeInteger(BigInt(id), NUMBER_FORM);
  }
  if (typeof id === 'bigint') {
    if (BigInt.asIntN(64, id) !== id) throw invalid(`${name}: a bigint must fit 64 bits signed`);
    return encodeInteger(id, BIGINT_FORM);
  }
  throw invalid(`${name}: expected a string, a safe integer or a bigint, got ${typeName(id)}`);
}

/** Of all bytes, or of those in [start, end). */
export function decodeId(bytes: Uint8Array, start = 0, end: number = bytes.length): RecordId {
  const form = bytes[start];
  try {
    if (form === STRING_FORM) return decoder.decode(bytes.subarray(start + 1, end));
    if (end - start === 9 && form === NUMBER_FORM) {
      return i32At(bytes, start + 5) * 2 ** 32 + (i32At(bytes, start + 1) >>> 0);
    }
    if (end - start === 9 && form === BIGINT_FORM) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return view.getBigInt64(start + 1, true);
    }
  } catch {
    // Falls through: not UTF-8.
  }
  throw new CorruptionError('a record id is malformed', { file: 'tree heads', offset: 0 });
}

function i32At(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

/** Whether two encoded ids are the same id. */
export function sameId(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length || (a[0] === STRING_FORM) !== (b[0] === STRING_FORM)) return false;
  for (let i = 1; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A string that is equal for equal ids and differs otherwise: a key for Maps. */
export function identityOf(namespace: string, encoded: Uint8Array): string {
  const kind = encoded[0] === STRING_FORM ? 's' : 'i';
  return `${namespace.length}:${namespace}${kind}${Buffer.from(encoded.subarray(1)).toString('latin1')}`;
}

function encodeStringId(id: string, name: string): Uint8Array {
  if (!id.isWellFormed()) throw invalid(`${name}: the string is not well-formed Unicode`);
  const text = encoder.encode(id);
  if (text.length === 0 || text.length > ID_BYTES_MAX) {
    throw invalid(
      `${name}: expected 1 to ${ID_BYTES_MAX} bytes of UTF-8, got ${text.length}; hash longer ids`,
    );
  }
  const bytes = new Uint8Array(1 + text.length);
  bytes[0] = STRING_FORM;
  bytes.set(text, 1);
  return bytes;
}

function encodeInteger(value: bigint, form: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = form;
  new DataView(bytes.buffer).setBigInt64(1, value, true);
  return bytes;
}

function typeName(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}

function invalid(message: string): DatabaseError {
  return new DatabaseError('INVALID_ARGUMENT', message);
}
