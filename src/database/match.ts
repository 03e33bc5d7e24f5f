/** What a search has found, before it is a hit. */
import type { Head } from './head.ts';

/** A candidate that counts. */
export interface Match {
  readonly record: number;
  readonly node: number;
  readonly distance: number;
  readonly head: Head;
}
