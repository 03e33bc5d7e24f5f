import { DatabaseError } from '../errors.ts';

/** After a write of which nobody knows whether it is on the disk: nothing more is written. */
export function doubtfulWrite(what: string, cause: unknown): DatabaseError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `writing ${what} failed, and the database is read-only until it is reopened: ${why}`;
  return new DatabaseError('IO', message, { cause });
}
