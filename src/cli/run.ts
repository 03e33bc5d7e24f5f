/** Finds the command, parses its line, runs it, and turns what went wrong into one line and an exit code. */
import { readFileSync } from 'node:fs';
import { nearestName } from '../base/nearest.ts';
import { isDatabaseError } from '../index.ts';
import { hintFor, wordsFor } from './advice.ts';
import { meant, parseArguments } from './arguments.ts';
import { type Command, Context, type Streams } from './command.ts';
import { CommandError, usageError } from './command-error.ts';
import { backup } from './commands/backup.ts';
import { check } from './commands/check.ts';
import { compact } from './commands/compact.ts';
import { create } from './commands/create.ts';
import { exportCommand } from './commands/export.ts';
import { get } from './commands/get.ts';
import { importCommand } from './commands/import.ts';
import { inspect } from './commands/inspect.ts';
import { quickstart } from './commands/quickstart.ts';
import { repair } from './commands/repair.ts';
import { restore } from './commands/restore.ts';
import { search } from './commands/search.ts';
import { stats } from './commands/stats.ts';
import { commandHelp, programHelp } from './help.ts';
import { printable, printableJson } from './printable.ts';

const commands: readonly Command[] = [
  quickstart,
  create,
  importCommand,
  exportCommand,
  search,
  get,
  stats,
  check,
  compact,
  repair,
  backup,
  restore,
  inspect,
];

/**
 * Runs `argv` (without node and script) and resolves with the exit code: 0, 1 (failed), 2 (bad usage),
 * 130 (interrupted). Only a bug of the program rejects.
 */
export async function run(
  argv: readonly string[],
  streams: Streams,
  signal: AbortSignal,
): Promise<number> {
  const [name = '', ...rest] = argv;
  try {
    if (['', '--help', '-h', 'help'].includes(name)) return help(name, rest[0], streams);
    if (name === '--version' || name === '-v') {
      streams.stdout.write(`${version()}\n`);
      return 0;
    }
    const command = commandNamed(name);
    const given = parseArguments(rest, command);
    if (given.flag('help')) {
      streams.stdout.write(`${commandHelp(command)}\n`);
      return 0;
    }
    return await command.run(new Context(given, streams, signal));
  } catch (error) {
    return report(error, { name, isJson: rest.includes('--json'), streams });
  }
}

function help(name: string, topic: string | undefined, streams: Streams): number {
  if (name === 'help' && topic !== undefined) {
    streams.stdout.write(`${commandHelp(commandNamed(topic))}\n`);
    return 0;
  }
  const isMistake = name === '';
  const target = isMistake ? streams.stderr : streams.stdout;
  target.write(`${programHelp(commands, version())}\n`);
  return isMistake ? 2 : 0;
}

function commandNamed(name: string): Command {
  const command = commands.find((known) => known.name === name);
  if (command !== undefined) return command;
  const names = commands.map((known) => known.name);
  const nearest = nearestName(name, names);
  const advice = nearest === undefined ? `commands are ${names.join(', ')}` : meant(nearest);
  const what = name.startsWith('-') ? 'the command comes first; unknown option' : 'unknown command';
  throw usageError(`${what} "${name}"; ${advice}`);
}

function report(
  error: unknown,
  { name, isJson, streams }: { name: string; isJson: boolean; streams: Streams },
): number {
  if (!(error instanceof CommandError) && !isDatabaseError(error)) throw error;
  const exitCode = exitCodeOf(error);
  const isKnown = commands.some((command) => command.name === name);
  const advice = exitCode === 2 ? `; see \`stratavec ${isKnown ? `${name} ` : ''}--help\`` : '';
  const hint = isDatabaseError(error) ? hintFor(error) : '';
  const message = printable(`${wordsFor(error)}${hint}${advice}`);
  if (isJson) {
    const code = isDatabaseError(error) ? error.code : exitCode === 2 ? 'USAGE' : 'FAILED';
    streams.stdout.write(`${printableJson({ error: { code, message } })}\n`);
  } else {
    streams.stderr.write(`stratavec: ${message}\n`);
  }
  return exitCode;
}

function exitCodeOf(error: CommandError | { code: string }): number {
  if (error instanceof CommandError) return error.exitCode;
  if (error.code === 'ABORTED') return 130;
  // What the library refuses in a file has become a CommandError: this was typed.
  return error.code === 'INVALID_ARGUMENT' ? 2 : 1;
}

/** From the package's own description, wherever this file was built to. */
function version(): string {
  for (const up of ['../..', '../../..']) {
    try {
      const text = readFileSync(new URL(`${up}/package.json`, import.meta.url), 'utf8');
      const description = JSON.parse(text) as { name?: string; version?: string };
      if (description.name === 'stratavec') return description.version ?? 'unknown';
    } catch {
      // Not there: one folder further up.
    }
  }
  return 'unknown';
}
