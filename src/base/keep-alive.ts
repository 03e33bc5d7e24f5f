/**
 * What waits without a file or socket of its own (for a worker that writes to shared memory, for a pause that keeps
 * nothing alive) says by this that the process must not end meanwhile.
 */

/** The longest that a timer takes, about: it is not to go off. */
const NEVER_MS = 2 ** 30;

/** Keeps the process alive until the function that it gives is called. Idempotent. About 100 ns. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, NEVER_MS);
  return () => clearInterval(timer);
}
