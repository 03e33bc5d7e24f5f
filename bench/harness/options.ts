/**
 * The options that every bench takes. Without `--full` sizes are those of a smoke run: it only proves
 * that the bench still works, and its figures are no figures.
 */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** The folder that holds the data sets; undefined: synthetic data. */
  readonly data: string | undefined;
  /**
   * A folder under `data`; undefined: the first one by name. A bench that goes through several (`each-dataset.ts`)
   * takes a list of them here.
   */
  readonly dataset: string | undefined;
  /** Rows of the base at most. */
  readonly limit: number | undefined;
  readonly full: boolean;
  /** Names of peers; undefined: all that are installed. */
  readonly peers: readonly string[] | undefined;
  /** Budget of the small-memory run, in bytes. */
  readonly memoryBytes: number | undefined;
  readonly seed: number;
  /** File for one JSON object a line, written anew by each run. */
  readonly json: string | undefined;
}

/** The options of this process; a wrong one ends it with a line that names it, and exit code 2. */
export function readBenchOptions(): BenchOptions {
  return orExit(() => parseBenchOptions(process.argv.slice(2), process.env));
}

/** The same for a bench that takes options of its own besides, each with a value: `--name VALUE`. */
export function readBenchOptionsAnd<Name extends string>(
  names: readonly Name[],
): { readonly options: BenchOptions; readonly own: Readonly<Partial<Record<Name, string>>> } {
  return orExit(() => {
    const { own, rest } = takeOwnOptions(process.argv.slice(2), names);
    return { options: parseBenchOptions(rest, process.env), own };
  });
}

/** Parts the named options, each with its value, from the others. Throws when a value is missing. */
export function takeOwnOptions<Name extends string>(
  args: readonly string[],
  names: readonly Name[],
): { readonly own: Partial<Record<Name, string>>; readonly rest: readonly string[] } {
  const own: Partial<Record<Name, string>> = {};
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const name = names.find((name) => args[i] === `--${name}`);
    if (name === undefined) {
      rest.push(args[i]);
    } else {
      i++;
      if (i === args.length) throw new Error(`--${name} takes a value`);
      own[name] = args[i];
    }
  }
  return { own, rest };
}

/** What `read` gives; where it throws, the process ends with its message and exit code 2. */
export function orExit<Options>(read: () => Options): Options {
  try {
    return read();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

/** Throws an `Error` that names the option when one is unknown or malformed. */
export function parseBenchOptions(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      dataset: { type: 'string' },
      limit: { type: 'string' },
      full: { type: 'boolean', default: false },
      peers: { type: 'string' },
      memory: { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const data = values.data ?? environment.STRATAVEC_DATASETS;
  if (values.dataset !== undefined && data === undefined) {
    throw new Error('--dataset needs --data or STRATAVEC_DATASETS to say where data sets are');
  }
  return {
    data: data === '' ? undefined : data,
    dataset: values.dataset,
    limit: parseCount('--limit', values.limit),
    full: values.full,
    peers: parsePeers(values.peers, values.full),
    memoryBytes: parseCount('--memory', values.memory),
    seed: parseCount('--seed', values.seed) ?? 1,
    json: values.json,
  };
}

/** A positive integer, or undefined when the option was not given. */
export function parseCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new Error(`${option} takes a positive integer, got '${text}'`);
  }
  return value;
}

/** Smoke runs take no peers unless some are named. */
function parsePeers(text: string | undefined, full: boolean): readonly string[] | undefined {
  if (text === undefined) return full ? undefined : [];
  return text === 'none' || text === '' ? [] : text.split(',');
}
