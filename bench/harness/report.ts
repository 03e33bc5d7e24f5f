/**
 * What a bench prints: rows of one shape, as a table on the screen and as one JSON object a line in
 * the file that `--json` names.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

export type Value = string | number | boolean | null | undefined;

export interface Row {
  readonly bench: string;
  /** `stratavec` or a peer's name. */
  readonly subject: string;
  readonly dataset: string;
  readonly config: Readonly<Record<string, Value>>;
  /** Names end in their unit. */
  readonly metrics: Readonly<Record<string, Value>>;
  /** The title of the table that the row stands in; the first row of a bench and statistics stand in none. */
  readonly table?: string;
}

export class Report {
  readonly #bench: string;
  readonly #dataset: string;
  readonly #json: string | undefined;

  /** `json` is written anew, unless `isNew` is false. */
  constructor(bench: string, dataset: string, json: string | undefined, isNew: boolean = true) {
    this.#bench = bench;
    this.#dataset = dataset;
    this.#json = json;
    if (json !== undefined && isNew) writeFileSync(json, '');
  }

  /** The same bench on another data set, behind this one in the same file. */
  on(dataset: string): Report {
    return new Report(this.#bench, dataset, this.#json, false);
  }

  /**
   * The first row: what a reader needs to judge the others. `options` are the effective ones, read back
   * from the engine.
   */
  begin(seed: number, full: boolean, options: Readonly<Record<string, Value>>): void {
    const config = { ...machine(), seed, size: full ? 'full' : 'smoke', ...options };
    const row = this.row('stratavec', config, {});
    this.#write(row);
    const cells = Object.entries(config).map(([name, value]) => `${name}=${format(value)}`);
    console.log(`\n# ${this.#bench} on ${this.#dataset}\n# ${cells.join('  ')}`);
    if (this.#dataset === 'synthetic') console.log('# synthetic data: no claim rests on it');
    if (!full) console.log('# smoke size: these figures are no figures');
  }

  row(subject: string, config: Row['config'], metrics: Row['metrics']): Row {
    return { bench: this.#bench, subject, dataset: this.#dataset, config, metrics };
  }

  /** Prints rows under one another; a column is left empty where a row does not have it. */
  table(title: string, rows: readonly Row[]): void {
    for (const row of rows) this.#write({ ...row, table: title });
    console.log(`\n${title}`);
    console.log(renderTable(rows));
  }

  /** What a subject says of itself: one row in the file, on the screen the figures that are not 0. */
  statistics(title: string, subject: string, figures: Readonly<Record<string, number>>): void {
    if (Object.keys(figures).length === 0) return;
    this.#write(this.row(subject, { says: title }, figures));
    console.log(`\n${title}`);
    const names = Object.keys(figures).filter((name) => figures[name] !== 0);
    const width = Math.max(...names.map((name) => name.length));
    for (const name of names) console.log(`  ${name.padEnd(width)}  ${format(figures[name])}`);
  }

  #write(row: Row): void {
    if (this.#json !== undefined) appendFileSync(this.#json, `${JSON.stringify(row)}\n`);
  }
}

/** Columns right aligned, two spaces apart. */
export function renderTable(rows: readonly Row[]): string {
  const lines = cellsOf(rows);
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) => line.map((cell, column) => cell.padStart(widths[column])).join('  '))
    .join('\n');
}

/** Subject, then every name of `config` and `metrics`, in the order of first appearance; below them the rows. */
export function cellsOf(rows: readonly Row[]): string[][] {
  const flat = rows.map((row) => ({ subject: row.subject, ...row.config, ...row.metrics }));
  const names = [...new Set(flat.flatMap((row) => Object.keys(row)))];
  return [
    names,
    ...flat.map((row) => names.map((name) => format((row as Record<string, Value>)[name]))),
  ];
}

/** Four significant digits, thousands left whole. */
function format(value: Value): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'number') return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 10_000) return String(Math.round(value));
  return String(Number(value.toPrecision(4)));
}

function machine(): Record<string, Value> {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  return {
    machine: `${platform()} ${arch()}, ${processors.length} × ${model}, ${memoryGib} GiB`,
    node: process.version,
    commit: commit(),
  };
}

function commit(): string {
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? ' with changes' : '');
  } catch {
    return 'unknown';
  }
}

/** The numbers, words and switches in a nested object, by path: `{ a: { b: 1 } }` gives `{ 'a.b': 1 }`. */
export function flatten(value: object, prefix = ''): Record<string, string | number | boolean> {
  const flat: Record<string, string | number | boolean> = {};
  for (const [name, field] of Object.entries(value)) {
    const path = prefix + name;
    if (typeof field === 'object' && field !== null)
      Object.assign(flat, flatten(field, `${path}.`));
    else if (['string', 'number', 'boolean'].includes(typeof field)) flat[path] = field;
  }
  return flat;
}

/** Only the numbers of `flatten`. */
export function flattenNumbers(value: object): Record<string, number> {
  const numbers = Object.entries(flatten(value)).filter(([, field]) => typeof field === 'number');
  return Object.fromEntries(numbers) as Record<string, number>;
}
