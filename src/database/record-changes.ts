/**
 * Which records the last commits changed: what was made of all records before them, as a filter's bits, is
 * brought up to date by a look at these alone.
 */

/** More than so many are not worth remembering: what is made of the records is made anew. */
const RECORDS_MAX = 2048;

export class RecordChanges {
  /** Of commits behind this sequence all changes are known. */
  #since = 0;
  /** Parallel, in the order of commits. */
  #sequences: number[] = [];
  #records: number[] = [];

  /** `records` undefined: too many to name. */
  note(sequence: number, records: readonly number[] | undefined): void {
    if (records === undefined || records.length > RECORDS_MAX) {
      this.#forget(sequence);
      return;
    }
    for (const record of records) {
      this.#sequences.push(sequence);
      this.#records.push(record);
    }
    if (this.#records.length <= 2 * RECORDS_MAX) return;
    const dropped = this.#sequences[this.#records.length - RECORDS_MAX];
    const kept = this.#sequences.findIndex((one) => one > dropped);
    this.#since = dropped;
    this.#sequences = kept < 0 ? [] : this.#sequences.slice(kept);
    this.#records = kept < 0 ? [] : this.#records.slice(kept);
  }

  /** Records that commits behind `from`, up to `to`, changed, each once; undefined: not known, or too many. */
  between(from: number, to: number): ReadonlySet<number> | undefined {
    if (from < this.#since) return undefined;
    const changed = new Set<number>();
    for (let i = this.#records.length - 1; i >= 0 && this.#sequences[i] > from; i--) {
      if (this.#sequences[i] <= to) changed.add(this.#records[i]);
    }
    return changed.size > RECORDS_MAX ? undefined : changed;
  }

  #forget(sequence: number): void {
    this.#since = sequence;
    this.#sequences = [];
    this.#records = [];
  }
}
