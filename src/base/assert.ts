/** Thrown by `assert`: a bug in this library, never bad input or a bad disk. Nobody catches it. */
export class AssertionError extends Error {
  constructor(invariant: string) {
    super(`invariant broken: ${invariant}`);
    this.name = 'AssertionError';
  }
}

/** Stays on in production. `invariant` states what holds, as a constant string. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(invariant);
}
