#!/usr/bin/env node
/** The entry of the `stratavec` command: streams, signals and the exit code of the process. */
import { run } from './run.ts';

const controller = new AbortController();
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

/** The first signal ends the work in order; a second one ends the process at once, which loses nothing. */
function interrupt(): void {
  if (controller.signal.aborted) process.exit(130);
  controller.abort();
}
