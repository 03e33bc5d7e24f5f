/**
 * Runs a bench over several data sets, one after the other, into one report. `--dataset` names them, each with how
 * many of its rows are taken: `--dataset a,b:100000,b`. Without it a full run takes all that the folder has, and of
 * those with a stored truth for their first rows the smallest such part as well; a smoke run takes the first.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, datasetsIn, loadDataset } from './dataset.ts';
import { type BenchOptions, orExit, parseCount } from './options.ts';
import { Report } from './report.ts';

/** A bench on one of the data sets: what it is given. */
export interface OneDataset {
  readonly dataset: Dataset;
  /** With the data set and the rows of this one. */
  readonly options: BenchOptions;
  readonly report: Report;
}

/** The file that `--json` names is begun anew once, and holds the rows of all of them. */
export async function onEachDataset(
  bench: string,
  options: BenchOptions,
  measure: (one: OneDataset) => Promise<void>,
): Promise<void> {
  let first: Report | undefined;
  for (const each of orExit(() => eachChoice(options))) {
    const dataset = loadDataset(each);
    const report = first?.on(dataset.label) ?? new Report(bench, dataset.label, options.json);
    first ??= report;
    await measure({ dataset, options: each, report });
  }
}

/** The options for each data set, in the order given, else by name. Throws an `Error` that names what is wrong. */
export function eachChoice(options: BenchOptions): BenchOptions[] {
  const { data, dataset: list, limit, full } = options;
  if (data === undefined) return [options];
  if (list === undefined && !full) return [{ ...options, dataset: datasetsIn(data)[0] }];
  if (list === undefined) {
    return datasetsIn(data).flatMap((dataset) =>
      (limit === undefined ? partsOf(join(data, dataset)) : [limit]).map((limit) => {
        return { ...options, dataset, limit };
      }),
    );
  }
  const known = datasetsIn(data);
  return list.split(',').map((text) => {
    const [dataset, rows] = text.split(':');
    // Before the first is measured, which may take minutes.
    if (!known.includes(dataset)) {
      throw new Error(`no data set '${dataset}' in ${data}; there are: ${known.join(', ')}`);
    }
    return { ...options, dataset, limit: parseCount('--dataset NAME:ROWS', rows) ?? limit };
  });
}

/** The fewest first rows that have a stored truth, then all of them. */
function partsOf(folder: string): (number | undefined)[] {
  const thousands = readdirSync(folder)
    .map((name) => /^groundtruth_first(\d+)k\.gt100(\.gz)?$/.exec(name)?.[1])
    .filter((text) => text !== undefined)
    .map(Number);
  return thousands.length === 0 ? [undefined] : [1000 * Math.min(...thousands), undefined];
}
