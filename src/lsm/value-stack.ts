/**
 * What a point read has gathered of one key: operands, newest first, and the value below them. One buffer
 * for all operands instead of an array for each, so that a read leaves no garbage.
 */
const FIRST_BYTES = 1024;
const NOTHING = new Uint8Array(0);

export class ValueStack {
  /** The operands, one behind the other, newest first. */
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  /** Where each of them ends in `bytes`. */
  readonly ends: number[] = [];
  /** Operands. */
  count = 0;
  hasBase = false;
  /** The base is `base[baseStart, baseEnd)`, where it was found: borrowed. */
  base: Uint8Array = NOTHING;
  baseStart = 0;
  baseEnd = 0;
  /** The folded value, once an operator has made it. */
  output: Uint8Array = NOTHING;
  outputLength = 0;

  /** Forgets the key, and lets go of the memory that its base lies in. */
  clear(): void {
    this.count = 0;
    this.hasBase = false;
    this.base = NOTHING;
  }

  startOf(operand: number): number {
    return operand === 0 ? 0 : this.ends[operand - 1];
  }

  /** Adds the next older operand, `source[start, end)`, copied. */
  push(source: Uint8Array, start: number, end: number): void {
    const position = this.startOf(this.count);
    const next = position + end - start;
    if (next > this.bytes.length) {
      const grown = new Uint8Array(2 * next);
      grown.set(this.bytes.subarray(0, position));
      this.bytes = grown;
    }
    copyBytes(source, start, end, this.bytes, position);
    this.ends[this.count++] = next;
  }

  setBase(source: Uint8Array, start: number, end: number): void {
    this.hasBase = true;
    this.base = source;
    this.baseStart = start;
    this.baseEnd = end;
  }

  /** Room for a folded value of that length. */
  reserveOutput(length: number): Uint8Array {
    if (this.output.length < length) this.output = new Uint8Array(2 * length);
    return this.output;
  }
}

/** A view costs as much as a loop over this many bytes, and is garbage. */
const LOOP_BYTES_MAX = 192;

/** Copies `source[start, end)` to `target` from `position` on. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  position: number,
): void {
  if (end - start > LOOP_BYTES_MAX) {
    target.set(source.subarray(start, end), position);
    return;
  }
  for (let i = start; i < end; i++) target[position++] = source[i];
}
