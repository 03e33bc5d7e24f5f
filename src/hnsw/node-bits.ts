/** A set of nodes as bits, growing with the largest one: an eighth of a byte for each place. */
export class NodeBits {
  #words = new Uint32Array(64);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** In memory. */
  get bytes(): number {
    return this.#words.byteLength;
  }

  has(node: number): boolean {
    const word = node >>> 5;
    return word < this.#words.length && ((this.#words[word] >>> (node & 31)) & 1) === 1;
  }

  add(node: number): void {
    const word = node >>> 5;
    if (word >= this.#words.length) this.#grow(word + 1);
    const bit = 1 << (node & 31);
    if ((this.#words[word] & bit) !== 0) return;
    this.#words[word] |= bit;
    this.#count++;
  }

  delete(node: number): void {
    if (!this.has(node)) return;
    this.#words[node >>> 5] &= ~(1 << (node & 31));
    this.#count--;
  }

  #grow(words: number): void {
    const larger = new Uint32Array(Math.max(words, Math.ceil(1.5 * this.#words.length)));
    larger.set(this.#words);
    this.#words = larger;
  }
}
