import type { FixedView } from './read-view.ts';
import type { Session } from './session.ts';

/** @internal What the collections of one transaction share. */
export interface TransactionScope {
  readonly session: Session;
  readonly view: FixedView;
  /** Runs an operation that the end of the transaction waits for. */
  run<T>(operation: () => T | Promise<T>): Promise<T>;
}
