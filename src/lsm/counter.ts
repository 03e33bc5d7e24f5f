/**
 * Counters: a value and an operand of the merge operator `counter` are the same 8 bytes, a signed 64-bit
 * integer, little-endian. Sums wrap around at 2^64, so that any grouping of any operands gives the same
 * bytes.
 */
import { assert } from '../base/assert.ts';

export const COUNT_SIZE = 8;

/** The eight bytes of an integer from -2^63 to 2^63 - 1: a value to SET or an operand to MERGE. */
export function encodeCount(count: number | bigint): Uint8Array {
  assert(typeof count === 'bigint' || Number.isSafeInteger(count), 'a count is an exact integer');
  const integer = BigInt(count);
  assert(BigInt.asIntN(64, integer) === integer, 'a count has 64 bits');
  const bytes = new Uint8Array(COUNT_SIZE);
  new DataView(bytes.buffer).setBigInt64(0, integer, true);
  return bytes;
}

/** The integer of a value, or undefined for bytes that `encodeCount` did not write. */
export function decodeCount(bytes: Uint8Array): bigint | undefined {
  if (bytes.length !== COUNT_SIZE) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, COUNT_SIZE).getBigInt64(0, true);
}

/** Adds `count` to `sum` in place, byte by byte: operands lie at any address. Both have eight bytes. */
export function addCount(sum: Uint8Array, count: Uint8Array): void {
  let carry = 0;
  for (let i = 0; i < COUNT_SIZE; i++) {
    carry += sum[i] + count[i];
    sum[i] = carry;
    carry >>>= 8;
  }
}
