/** What a command is, and what it gets to work with. */
import type { Arguments, CommandLineSpec, OptionSpec } from './arguments.ts';
import { printableJson } from './printable.ts';
import { ProgressBar, type ProgressTarget } from './progress.ts';

export interface Command extends CommandLineSpec {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** A paragraph and examples for `--help`, each example on its own line. */
  readonly details?: string | undefined;
  readonly examples: readonly string[];
  /** Resolves with the exit code. */
  run(context: Context): Promise<number>;
}

/** The streams of the process, or stand-ins. */
export interface Streams {
  readonly stdout: ProgressTarget;
  readonly stderr: ProgressTarget;
}

/** One run of one command. */
export class Context {
  readonly arguments: Arguments;
  readonly isJson: boolean;
  /** Fires at the first interrupt; the command then closes what it has open and ends. */
  readonly signal: AbortSignal;
  readonly #streams: Streams;

  constructor(given: Arguments, streams: Streams, signal: AbortSignal) {
    this.arguments = given;
    this.isJson = given.flag('json');
    this.signal = signal;
    this.#streams = streams;
  }

  /** Width of the terminal; 100 in a pipe. */
  get columns(): number {
    return this.#streams.stdout.columns ?? 100;
  }

  /** A line for people; with `--json` nothing. What comes from data must be `printable`. */
  say(line = ''): void {
    if (!this.isJson) this.#streams.stdout.write(`${line}\n`);
  }

  /** The one JSON object of `--json`; without it nothing. */
  json(value: unknown): void {
    if (this.isJson) this.#streams.stdout.write(`${printableJson(value)}\n`);
  }

  /** A remark that is not part of the answer, on standard error. */
  warn(line: string): void {
    this.#streams.stderr.write(`${line}\n`);
  }

  progress(label: string, noun: string): ProgressBar {
    return new ProgressBar(this.#streams.stderr, label, noun);
  }
}

/** Options of every command. */
export const commonOptions: Readonly<Record<string, OptionSpec>> = {
  json: { kind: 'flag', help: 'Print one JSON object instead of text.' },
  help: { kind: 'flag', short: 'h', help: 'Show this help.' },
};
