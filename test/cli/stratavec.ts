/** Runs the built command in a child process, as a user's shell would. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { run } from '../../src/cli/run.ts';

export interface Outcome {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Run {
  readonly done: Promise<Outcome>;
  kill(signal: NodeJS.Signals): void;
}

const main = resolve('dist/src/cli/main.js');

/** Starts `stratavec ...argv` in `cwd`, with nothing on its standard input. */
export function start(cwd: string, argv: readonly string[]): Run {
  const child = spawn(process.execPath, [main, ...argv], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const done = new Promise<Outcome>((settle, fail) => {
    child.on('error', fail);
    child.on('close', (code) => settle({ code, out, err }));
  });
  return { done, kill: (signal) => child.kill(signal) };
}

export async function stratavec(cwd: string, ...argv: readonly string[]): Promise<Outcome> {
  return await start(cwd, argv).done;
}

/** Runs with `--json`, expects exit code 0 and gives the object. */
export async function stratavecJson<Answer>(
  cwd: string,
  ...argv: readonly string[]
): Promise<Answer> {
  const { code, out, err } = await stratavec(cwd, ...argv, '--json');
  if (code !== 0) throw new Error(`exit code ${code}: ${err}${out}`);
  return JSON.parse(out) as Answer;
}

/** Runs in this process: quicker, where nothing depends on the process. Paths must be absolute. */
export async function stratavecHere(...argv: readonly string[]): Promise<Outcome> {
  return await stratavecUntil(new AbortController().signal, ...argv);
}

/** As `stratavecHere`, until it is interrupted by `signal`. */
export async function stratavecUntil(
  signal: AbortSignal,
  ...argv: readonly string[]
): Promise<Outcome> {
  let out = '';
  let err = '';
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const code = await run(argv, { stdout, stderr }, signal);
  return { code, out, err };
}
