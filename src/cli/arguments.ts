/**
 * The command line of one command: parsed by `node:util`, checked here, so that a wrong option names the one
 * that was meant. Every error is a usage error (exit code 2).
 */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearestName } from '../base/nearest.ts';
import { type CommandError, usageError } from './command-error.ts';

export interface OptionSpec {
  /** A flag takes no value. */
  readonly kind: 'flag' | 'value';
  readonly short?: string;
  /** What stands for the value in the help, as `N` or `NAME`. */
  readonly value?: string;
  /** One sentence, with the default. */
  readonly help: string;
}

export interface PositionalSpec {
  readonly name: string;
  readonly help: string;
  readonly optional?: boolean;
}

export interface CommandLineSpec {
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly positionals: readonly PositionalSpec[];
}

/** Parsed and checked; the methods convert and refuse. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, string | true>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, string | true>) {
    this.positionals = positionals;
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value of an option, or undefined when it was not given. An empty one is refused. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value === '') throw usageError(`${written(name)}: expected a value, got nothing`);
    return value === true ? undefined : value;
  }

  /** An integer of at least `min`, with thousands as `10_000` or `10,000` too. */
  integer(name: string, min: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = /^[+-]?\d[\d_,]*$/u.test(text) ? Number(text.replace(/[_,]/gu, '')) : Number.NaN;
    if (!Number.isSafeInteger(number) || number < min) {
      throw usageError(
        `${written(name)}: expected a whole number of at least ${min}, got "${text}"`,
      );
    }
    return number;
  }

  choice<const Choice extends string>(
    name: string,
    choices: readonly Choice[],
  ): Choice | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    const nearest = nearestName(text, choices);
    const advice = nearest === undefined ? `expected ${choices.join(', ')}` : meant(nearest);
    throw usageError(`${written(name)}: unknown value "${text}"; ${advice}`);
  }
}

/** Checks `argv` (what follows the command's name) against the specification. */
export function parseArguments(argv: readonly string[], spec: CommandLineSpec): Arguments {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, { kind, short }] of Object.entries(spec.options)) {
    const type = kind === 'flag' ? 'boolean' : 'string';
    options[name] = short === undefined ? { type } : { type, short };
  }
  // Not strict: the checks below say more than the messages of node:util.
  const parsed = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string | true>();
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    values.set(token.name, checkedOption(token, spec));
  }
  const isHelp = values.has('help');
  return new Arguments(
    isHelp ? parsed.positionals : checkedPositionals(parsed.positionals, spec),
    values,
  );
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function checkedOption(token: OptionToken, spec: CommandLineSpec): string | true {
  const option = Object.hasOwn(spec.options, token.name) ? spec.options[token.name] : undefined;
  if (option === undefined) throw unknownOption(token, Object.keys(spec.options));
  if (option.kind === 'flag') {
    if (token.value !== undefined) throw usageError(`${token.rawName} takes no value`);
    return true;
  }
  const isSwallowedOption = token.inlineValue === false && /^--?[a-z]/iu.test(token.value ?? '');
  if (token.value === undefined || isSwallowedOption) {
    throw usageError(`${token.rawName} needs a value: ${token.rawName} ${option.value ?? 'VALUE'}`);
  }
  return token.value;
}

function unknownOption(token: OptionToken, known: readonly string[]): CommandError {
  const nearest = nearestName(token.name, known);
  const advice =
    nearest === undefined
      ? `known are ${known.map((name) => `--${name}`).join(' ')}`
      : meant(`--${nearest}`);
  return usageError(`unknown option ${token.rawName}; ${advice}`);
}

function checkedPositionals(given: readonly string[], spec: CommandLineSpec): readonly string[] {
  const { positionals } = spec;
  const missing = positionals.find(({ optional }, i) => i >= given.length && optional !== true);
  if (missing !== undefined) throw usageError(`${missing.name} is missing`);
  if (given.length > positionals.length) {
    throw usageError(`unexpected argument "${given[positionals.length]}"`);
  }
  const empty = given.indexOf('');
  if (empty >= 0) throw usageError(`${positionals[empty].name} is empty`);
  return given;
}

/** An option as its user writes it. */
function written(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** `did you mean X?` */
export function meant(name: string): string {
  return `did you mean ${name}?`;
}
