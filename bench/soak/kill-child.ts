/**
 * The process that gets killed: it opens the database and works through its history from a given
 * operation on, a few calls in flight at a time, until somebody ends it. `b N` on its output says that
 * operation N is about to begin, `a N` that it is committed: its promise has resolved and it changed
 * something. The lines are written synchronously, so that none of them is lost with the process.
 *
 * Arguments: directory, seed, first operation, callers (0: open and wait), 'thread' to merge in one.
 */
import { writeSync } from 'node:fs';
import type { Collection, Database } from '../../src/index.ts';
import { type KillOperation, operationOf } from './history.ts';
import { openForKill } from './kill-database.ts';

const [directory, seed, first, callers, thread] = process.argv.slice(2);

/** Whether there was something to commit. */
async function perform(
  database: Database,
  collection: Collection,
  operation: KillOperation,
): Promise<boolean> {
  if (operation.do === 'delete') return (await collection.delete(operation.ids)) > 0;
  if (operation.do === 'upsert') await collection.upsert(operation.records);
  else await database.flush();
  return operation.do === 'upsert';
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const { database, collection } = await openForKill(directory, thread === 'thread');
say('open');
let next = Number(first);

async function work(): Promise<never> {
  for (;;) {
    const number = next++;
    const operation = operationOf(Number(seed), number);
    say(`b ${number}`);
    if (await perform(database, collection, operation)) say(`a ${number}`);
  }
}

setInterval(() => {}, 60_000); // Only a signal ends this process.
await Promise.all(Array.from({ length: Number(callers) }, work));
