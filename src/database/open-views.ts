/**
 * The views that callers hold for as long as they like: snapshots and transactions. Whoever waits for readers
 * to end must not wait for these, since the one who holds it may be the one who waits.
 */
import type { LsmEngine } from '../lsm/engine.ts';
import { FixedView, type FixedViewKind } from './read-view.ts';

/** Snapshots and transactions that are open. */
export interface OpenViewsStats {
  readonly snapshots: number;
  readonly transactions: number;
  /** How long the oldest of them has been open. */
  readonly oldestMs: number;
}

/** @internal */
export class OpenViews {
  readonly #engine: LsmEngine;
  readonly #now: () => number;
  /** In the order in which they were opened. */
  readonly #views = new Set<FixedView>();
  /** Told when one has gone: what it held may go too. */
  onReleased: () => void = () => {};

  constructor(engine: LsmEngine, now: () => number) {
    this.#engine = engine;
    this.#now = now;
  }

  /** A view of the commit published last. */
  open(kind: FixedViewKind): FixedView {
    const closed = (gone: FixedView): void => {
      this.#views.delete(gone);
      this.onReleased();
    };
    const view = new FixedView(kind, this.#engine.snapshot(), { now: this.#now(), closed });
    this.#views.add(view);
    return view;
  }

  /** The oldest sequence that one of them holds; undefined when there is none. */
  get oldest(): number | undefined {
    for (const view of this.#views) return view.sequence;
    return undefined;
  }

  /** Closes all; returns how many snapshots and transactions had been left open. */
  closeAll(why: () => Error): { readonly snapshots: number; readonly transactions: number } {
    const left = [...this.#views].filter(({ isClosed }) => !isClosed);
    for (const view of left) view.close(why);
    const snapshots = left.filter(({ kind }) => kind === 'snapshot').length;
    return { snapshots, transactions: left.length - snapshots };
  }

  stats(): OpenViewsStats {
    let [snapshots, transactions] = [0, 0];
    let oldest = Number.POSITIVE_INFINITY;
    for (const { kind, now, isClosed } of this.#views) {
      if (isClosed) continue;
      if (kind === 'snapshot') snapshots++;
      else transactions++;
      oldest = Math.min(oldest, now);
    }
    const oldestMs = snapshots + transactions === 0 ? 0 : Math.max(0, this.#now() - oldest);
    return { snapshots, transactions, oldestMs };
  }
}
