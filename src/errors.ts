/** Every code the library can throw. Codes are public API: never renamed, never reused. */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'DIMENSION_MISMATCH'
  | 'ALREADY_EXISTS'
  | 'NOT_FOUND'
  | 'DATABASE_LOCKED'
  | 'DATABASE_CLOSED'
  | 'READ_ONLY'
  | 'CORRUPTION'
  | 'UNSUPPORTED_FORMAT'
  | 'CONFLICT'
  | 'RESOURCE_EXHAUSTED'
  | 'ABORTED'
  | 'IO';

/**
 * The one error class that a caller handles. `code` is the contract; `message` is for people and says
 * what was expected, what was found and what to do. Anything else that escapes is a bug in the library.
 */
export class DatabaseError extends Error {
  /** What went wrong, for programs. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DatabaseError';
    this.code = code;
  }
}

/** Where on disk the damage is: enough for an operator to find it with `xxd`. */
export interface Location {
  readonly file: string;
  readonly offset: number;
}

/** Stored bytes do not say what was written: a failed checksum, a bad magic, an impossible length. */
export class CorruptionError extends DatabaseError {
  readonly location: Location;

  constructor(what: string, location: Location, options?: ErrorOptions) {
    super('CORRUPTION', `${what} at ${location.file}:${location.offset}`, options);
    this.location = location;
  }
}

/** The same error with a sentence on what to do next behind its message. Anything else comes back as it is. */
export function withAdvice(error: unknown, advice: string): unknown {
  if (!(error instanceof CorruptionError)) return error;
  const advised = new CorruptionError('', error.location, { cause: error });
  advised.message = `${error.message}; ${advice}`;
  return advised;
}

/**
 * Whether `error` was thrown by this library on purpose. It also recognises errors of another copy
 * of the package in the same process.
 */
export function isDatabaseError(error: unknown): error is DatabaseError {
  return error instanceof Error && error.name === 'DatabaseError' && 'code' in error;
}

/** Whether it was thrown for want of memory. */
export function isExhausted(error: unknown): boolean {
  return isDatabaseError(error) && error.code === 'RESOURCE_EXHAUSTED';
}
