/** Runs of an asked length over chunks of any length. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `length` bytes, fewer only at the end. Borrowed until the next call. */
  async read(length: number): Promise<Uint8Array> {
    const whole = this.#chunk.subarray(this.#position, this.#position + length);
    this.#position += whole.length;
    if (whole.length === length) return whole;
    const joined = new Uint8Array(length);
    joined.set(whole);
    let filled = whole.length;
    while (filled < length) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      this.#chunk = next.value;
      this.#position = Math.min(next.value.length, length - filled);
      joined.set(next.value.subarray(0, this.#position), filled);
      filled += this.#position;
    }
    return joined.subarray(0, filled);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
