/** The longest time for which work in slices held the event loop, in ms. */
export class SliceMeter {
  #longestMs = 0;

  get longestMs(): number {
    return this.#longestMs;
  }

  note(ms: number): void {
    if (ms > this.#longestMs) this.#longestMs = ms;
  }
}
