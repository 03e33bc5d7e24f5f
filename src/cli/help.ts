/** The help texts, made from what the commands say about themselves. */
import type { OptionSpec, PositionalSpec } from './arguments.ts';
import type { Command } from './command.ts';

/** `stratavec --help`. */
export function programHelp(commands: readonly Command[], version: string): string {
  const rows = commands.map((command): [string, string] => [usageOf(command), command.summary]);
  return [
    `stratavec ${version}: an embedded vector database.`,
    '',
    'Usage: stratavec COMMAND … [--json]',
    '',
    ...table(rows),
    '',
    'stratavec COMMAND --help shows the options of a command.',
  ].join('\n');
}

/** `stratavec COMMAND --help`. */
export function commandHelp(command: Command): string {
  const positionals = command.positionals.map(({ name, help }): [string, string] => [name, help]);
  const options = Object.entries(command.options).map(optionRow);
  return [
    `Usage: stratavec ${usageOf(command)} [options]`,
    '',
    command.summary,
    ...(command.details === undefined ? [] : [command.details]),
    '',
    ...table([...positionals, ...options]),
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
  ].join('\n');
}

function usageOf(command: Command): string {
  return [command.name, ...command.positionals.map(shownPositional)].join(' ');
}

function shownPositional({ name, optional }: PositionalSpec): string {
  return optional === true ? `[${name}]` : name;
}

function optionRow([name, { short, value, help }]: [string, OptionSpec]): [string, string] {
  const long = name.length === 1 ? `-${name}` : `--${name}`;
  const names = short === undefined || short === name ? long : `-${short}, ${long}`;
  return [value === undefined ? names : `${names} ${value}`, help];
}

function table(rows: readonly [string, string][]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
