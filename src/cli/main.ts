#!/usr/bin/env node
/** The entry of the `stratavec` command: streams, signals and the exit code of the process. */
import { run } from './run.ts';

const SAME_PRESS_MS = 300;

const controller = new AbortController();
let interruptedMs = 0;
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);

// A reader that has seen enough (`| head`) closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

run(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr }, controller.signal)
  .then((exitCode) => {
    process.exitCode = exitCode;
  })
  .catch((error: unknown) => {
    const detail = error instanceof Error ? error.stack : String(error);
    process.stderr.write(
      `stratavec: this is a bug; please report it with these lines:\n${detail}\n`,
    );
    process.exitCode = 1;
  });

/**
 * The first signal ends the work in order; a second one ends the process at once, which loses nothing. One key press
 * may come as two signals, from the terminal and from a parent (`npx`) that passes it on.
 */
function interrupt(): void {
  const nowMs = performance.now();
  if (controller.signal.aborted && nowMs - interruptedMs > SAME_PRESS_MS) process.exit(130);
  if (!controller.signal.aborted) interruptedMs = nowMs;
  controller.abort();
}
