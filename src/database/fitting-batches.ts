/**
 * Batches that are cut to what memory has room for. What a plan changes is pinned until it is committed, and how much that
 * is shows only on the way: with little memory a batch of long vectors may not fit that fits elsewhere. A batch that was
 * refused has changed nothing, so its first half is tried, and no later batch is larger than what fitted.
 */
import { isExhausted } from '../errors.ts';

export class FittingBatches {
  #most = Number.POSITIVE_INFINITY;

  /**
   * Hands all of a batch to `write`, in order, in as few parts as fit. Throws what `write` throws, if it is not for want
   * of memory or of a single one; the parts before it are written.
   */
  async write<T>(batch: readonly T[], write: (part: readonly T[]) => Promise<void>): Promise<void> {
    for (let from = 0; from < batch.length; ) {
      const part = batch.slice(from, from + this.#most);
      try {
        await write(part);
        from += part.length;
      } catch (error) {
        if (!isExhausted(error) || part.length === 1) throw error;
        this.#most = Math.ceil(part.length / 2);
      }
    }
  }
}
