/**
 * The order in which a database makes its commits: whose plan is made first is committed first, since the
 * writer takes one turn after the other. Each caller's work runs under its own name, which goes with it to the turn.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import type { Session } from '../../src/database/session.ts';
import type { DatabaseOptions } from '../../src/index.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';

export interface OrderedDatabase<T> {
  readonly database: Database;
  /** What was run `as` and whose plan was made whole, in the order of commits. */
  readonly order: readonly T[];
  /** Runs work of one commit at most, which is noted as `work`. */
  as<R>(work: T, run: () => Promise<R>): Promise<R>;
}

/** As `open`, with the order of commits. */
export async function openOrdered<T>(
  path: string,
  fileSystem: FileSystem,
  options: DatabaseOptions,
): Promise<OrderedDatabase<T>> {
  const session: Session = await openSession(path, fileSystem, checkDatabaseOptions(options));
  // A sweep that a commit begins runs under the name of that commit, which has had its turn by then.
  const names = new AsyncLocalStorage<{ readonly work: T; hadTurn: boolean }>();
  const order: T[] = [];
  const writeAll = session.writeAll.bind(session);
  session.writeAll = (collections, prepare) => {
    const named = names.getStore();
    return writeAll(collections, async (plans) => {
      const isFirst = named !== undefined && !named.hadTurn;
      if (isFirst) named.hadTurn = true;
      const result = await prepare(plans);
      if (isFirst) order.push(named.work);
      return result;
    });
  };
  const as = <R>(work: T, run: () => Promise<R>): Promise<R> =>
    names.run({ work, hadTurn: false }, run);
  return { database: new Database(session), order, as };
}
