/** Opening what a command works on, and closing it whatever happens. */
import { readdir, rm, stat } from 'node:fs/promises';
import { nearestName } from '../base/nearest.ts';
import {
  type Collection,
  type Database,
  type DatabaseOptions,
  isDatabaseError,
  open,
} from '../index.ts';
import { meant } from './arguments.ts';
import { CommandError } from './command-error.ts';

const bareNames: readonly string[] = ['lsm', 'data.pages'];

/** Runs `work` on the database in `directory` and closes it. No folder is left that holds nothing. */
export async function withDatabase<Result>(
  directory: string,
  options: DatabaseOptions,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const isThere = await refuseFile(directory);
  let isBare = true;
  try {
    const database = await open(directory, options);
    try {
      return await work(database);
    } finally {
      isBare = (await database.collections().catch(() => ['unknown'])).length === 0;
      await database.close();
    }
  } finally {
    // What became of the work is what is to be told.
    if (!isThere && isBare) await removeBare(directory).catch(() => {});
  }
}

/** Whether there is a folder. */
async function refuseFile(directory: string): Promise<boolean> {
  const status = await stat(directory).catch(() => undefined);
  if (status?.isDirectory() === false) {
    throw new CommandError(`${directory}: is a file; a database needs a folder`);
  }
  return status !== undefined;
}

/** Takes away a folder that was made for a database and has nothing but the files of one, and no lock. */
async function removeBare(directory: string): Promise<void> {
  const names = await readdir(directory);
  if (names.every((name) => bareNames.includes(name))) await rm(directory, { recursive: true });
}

/** As `withDatabase`, for a database that there is; `readOnly` for commands that change nothing. */
export async function withExisting<Result>(
  directory: string,
  work: (database: Database) => Promise<Result>,
  { readOnly = true }: { readonly readOnly?: boolean } = {},
): Promise<Result> {
  let database: Database;
  try {
    await refuseFile(directory);
    database = await open(directory, { readOnly, createIfMissing: false });
  } catch (error) {
    if (!isDatabaseError(error) || error.code !== 'NOT_FOUND') throw error;
    const advice = 'make one with `stratavec create` or `stratavec import`';
    throw new CommandError(`${directory}: no database in this folder; ${advice}`, { cause: error });
  }
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** The collection of that name; without a name, the only one. */
export async function existingCollection<Meta>(
  database: Database,
  name: string | undefined,
): Promise<Collection<Meta>> {
  const names = await database.collections();
  if (names.length === 0) {
    throw new CommandError(
      'the database has no collection yet; make one with `stratavec create` or `stratavec import`',
    );
  }
  if (name === undefined) {
    if (names.length === 1) return await database.collection<Meta>(names[0]);
    throw new CommandError(`there are several collections; give --collection ${names.join(' | ')}`);
  }
  if (!names.includes(name)) {
    const nearest = nearestName(name, names);
    const advice = nearest === undefined ? `there are: ${names.join(', ')}` : meant(nearest);
    throw new CommandError(`no collection "${name}"; ${advice}`);
  }
  return await database.collection<Meta>(name);
}
