/**
 * Errors on their way between threads. Structured cloning keeps neither classes nor the fields of an error;
 * what counts to a caller is carried here: which kind of error, code, message, location, cause.
 */
import { AssertionError } from '../base/assert.ts';
import { CorruptionError, DatabaseError, type ErrorCode, type Location } from '../errors.ts';

export interface PackedError {
  readonly kind: 'corruption' | 'database' | 'assertion' | 'other';
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Of the database, or of the operating system. */
  readonly code: string | undefined;
  readonly location: Location | undefined;
  readonly cause: PackedError | undefined;
}

const CAUSES_MAX = 8;
const ASSERTION_PREFIX = new AssertionError('').message;

export function packError(error: unknown, depth: number = 0): PackedError {
  if (!(error instanceof Error)) return packError(new Error(String(error)), depth);
  const { name, message, stack, cause } = error;
  const { code } = error as { readonly code?: unknown };
  return {
    kind: kindOf(error),
    name,
    message,
    stack,
    code: typeof code === 'string' ? code : undefined,
    location: error instanceof CorruptionError ? { ...error.location } : undefined,
    cause: cause === undefined || depth === CAUSES_MAX ? undefined : packError(cause, depth + 1),
  };
}

export function unpackError(packed: PackedError): Error {
  const options = packed.cause === undefined ? {} : { cause: unpackError(packed.cause) };
  const error = rebuilt(packed, options);
  if (packed.stack !== undefined) error.stack = packed.stack;
  return error;
}

function kindOf(error: Error): PackedError['kind'] {
  if (error instanceof CorruptionError) return 'corruption';
  if (error instanceof DatabaseError) return 'database';
  return error instanceof AssertionError ? 'assertion' : 'other';
}

function rebuilt(packed: PackedError, options: ErrorOptions): Error {
  const { kind, name, message, code, location } = packed;
  if (kind === 'corruption' && location !== undefined) {
    const place = ` at ${location.file}:${location.offset}`;
    return new CorruptionError(message.slice(0, -place.length), location, options);
  }
  if (kind === 'database') return new DatabaseError(code as ErrorCode, message, options);
  if (kind === 'assertion') return new AssertionError(message.slice(ASSERTION_PREFIX.length));
  const error = Object.assign(new Error(message, options), { name });
  return code === undefined ? error : Object.assign(error, { code });
}
