/**
 * LEB128 for unsigned 32-bit integers: seven bits a byte, low bits first, the high bit says
 * "more follows". At most five bytes.
 */

export const VARINT_SIZE_MAX = 5;

/** Bytes that `value` (an unsigned 32-bit integer) takes. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/** Writes `value` at `position` and returns the position behind it. The caller checks for room. */
export function writeVarint(target: Uint8Array, position: number, value: number): number {
  let rest = value >>> 0;
  while (rest >= 0x80) {
    target[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[position++] = rest;
  return position;
}

/** A cursor over bytes that came from a disk: every read is bounded. */
export class VarintReader {
  readonly bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  /** The next unsigned 32-bit integer, or -1 when the bytes end early or hold an impossible value. */
  next(): number {
    const { bytes } = this;
    let position = this.position;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (position >= bytes.length) return -1;
      const byte = bytes[position++];
      if (shift === 28 && byte > 0x0f) return -1;
      value = (value | ((byte & 0x7f) << shift)) >>> 0;
      if (byte < 0x80) {
        this.position = position;
        return value;
      }
    }
    return -1;
  }
}
