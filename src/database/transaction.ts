/**
 * Transactions: reads at one commit, writes kept aside until the end. The writer's turn is taken for the commit
 * alone, so whatever is awaited in between - other transactions, plain writes - cannot wait for this one.
 */
import { DatabaseError } from '../errors.ts';
import type { CollectionStore } from './collection-store.ts';
import type { Session } from './session.ts';
import { TransactionBuffer } from './transaction-buffer.ts';
import { TransactionCollection } from './transaction-collection.ts';
import { commitTransaction } from './transaction-commit.ts';
import type { TransactionScope } from './transaction-scope.ts';
import { describe, invalid } from './validate.ts';

/** A transaction under way, as the function that runs in it sees it; of no use after that function has ended. */
export class Transaction {
  readonly #scope: TransactionScope;
  readonly #find: (name: string) => CollectionStore;
  readonly #collections = new Map<CollectionStore, TransactionCollection>();
  readonly #buffers: TransactionBuffer[];

  /** @internal Use `Database.transaction`. */
  constructor(
    scope: TransactionScope,
    find: (name: string) => CollectionStore,
    buffers: TransactionBuffer[],
  ) {
    this.#scope = scope;
    this.#find = find;
    this.#buffers = buffers;
  }

  /** A collection that there is, or was when the transaction began, as the transaction sees it. `NOT_FOUND`. */
  collection<Meta = unknown>(name: string): TransactionCollection<Meta> {
    const { session, view } = this.#scope;
    view.assertOpen();
    const store = session.collections.droppedSince(name, view.sequence) ?? this.#find(name);
    let collection = this.#collections.get(store);
    if (collection === undefined) {
      const buffer = new TransactionBuffer(store, this.#scope.view);
      this.#buffers.push(buffer);
      collection = new TransactionCollection(this.#scope, buffer);
      this.#collections.set(store, collection);
    }
    return collection as TransactionCollection<Meta>;
  }
}

/** @internal Runs `fn` in a transaction; see `Database.transaction`. */
export async function runTransaction<T>(
  session: Session,
  find: (name: string) => CollectionStore,
  fn: (tx: Transaction) => Promise<T> | T,
): Promise<T> {
  if (typeof fn !== 'function') {
    throw invalid(`transaction: expected a function, got ${describe(fn)}`);
  }
  const view = session.views.open('transaction');
  const running = new Set<Promise<unknown>>();
  const run = async <R>(operation: () => R | Promise<R>): Promise<R> => {
    view.assertOpen();
    const result = session.read(operation);
    running.add(result);
    try {
      return await result;
    } finally {
      running.delete(result);
    }
  };
  const buffers: TransactionBuffer[] = [];
  const held = view.hold();
  try {
    const result = await fn(new Transaction({ session, view, run }, find, buffers));
    // What was called and not awaited.
    await Promise.allSettled(running);
    view.close(hasEnded);
    await commitTransaction(session, view, buffers);
    return result;
  } finally {
    view.close(hasEnded);
    held.release();
  }
}

function hasEnded(): DatabaseError {
  const message = 'the transaction has ended; use its object within its function only';
  return new DatabaseError('DATABASE_CLOSED', message);
}
