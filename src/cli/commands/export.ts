import type { Collection, Filter, Json, RecordId, StoredRecord } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { CommandError, usageError } from '../command-error.ts';
import { existingCollection, withExisting } from '../database-access.ts';
import { filterOption, parseFilterArgument } from '../filter-argument.ts';
import { encodeIdLine } from '../formats/json-lines-writer.ts';
import type { RecordFormat } from '../formats/record-source.ts';
import { makeRecordWriter, type RecordWriter } from '../formats/record-writer.ts';
import { vectorFileKinds } from '../formats/vector-header.ts';
import { wholeLines } from '../formats/whole-lines.ts';
import { formatCount, formatMs } from '../human.ts';
import { OutputFile } from '../output-file.ts';
import { printable } from '../printable.ts';

const formats = ['jsonl', 'csv', ...vectorFileKinds] as const;

export const exportCommand: Command = {
  name: 'export',
  summary: 'Write the records of a collection to a file.',
  details: [
    '',
    'jsonl        everything of each record, as `import` reads it',
    'csv          the columns id, namespace, text, metadata (JSON), vector (JSON)',
    'fbin, u8bin, fvecs, bvecs, npy, coolvec',
    '             the vectors alone, in the order in which ids were first stored; --ids writes the ids beside',
    '"-" is standard output. An export that was interrupted goes on with --resume.',
  ].join('\n'),
  examples: [
    'stratavec export ./data notes.jsonl --collection notes',
    'stratavec export ./data photos.npy --collection photos --ids photos.ids',
    'stratavec export ./data - --format csv --limit 10',
  ],
  positionals: [
    { name: 'DIR', help: 'Folder of the database.' },
    { name: 'FILE', help: 'The file to write.' },
  ],
  options: {
    collection: { kind: 'value', short: 'c', value: 'NAME', help: 'Default: the only one.' },
    format: { kind: 'value', value: formats.join('|'), help: 'Default: by the name of FILE.' },
    namespace: { kind: 'value', short: 'n', value: 'NAME', help: 'Default: all of them.' },
    filter: filterOption,
    limit: { kind: 'value', value: 'N', help: 'Stop after so many records.' },
    ids: { kind: 'value', value: 'FILE', help: 'Write the ids there, as JSON, a line each.' },
    resume: { kind: 'flag', help: 'Go on with a file that was not finished.' },
    ...commonOptions,
  },
  run,
};

interface Plan {
  readonly path: string;
  readonly format: RecordFormat;
  readonly namespace: string | undefined;
  readonly filter: Filter | undefined;
  readonly limit: number | undefined;
  /** File for the ids. */
  readonly ids: string | undefined;
  readonly isResumed: boolean;
}

interface Outcome {
  readonly written: number;
  /** Records that the format cannot hold: they have no vector. */
  readonly left: number;
  readonly isInterrupted: boolean;
}

async function run(context: Context): Promise<number> {
  const given = context.arguments;
  const [directory, path] = given.positionals;
  const plan: Plan = {
    path,
    format: formatOf(path, given.choice('format', formats)),
    namespace: given.text('namespace'),
    filter: parseFilterArgument(given.text('filter')),
    limit: given.integer('limit', 1),
    ids: given.text('ids'),
    isResumed: given.flag('resume'),
  };
  if (path === '-' && (plan.isResumed || !['jsonl', 'csv'].includes(plan.format))) {
    throw usageError('-: standard output takes jsonl and csv, and nothing to go on with');
  }
  return await withExisting(directory, async (database) => {
    const collection = await existingCollection<Json>(database, given.text('collection'));
    const startMs = performance.now();
    const outcome = await exportAll(context, collection, plan);
    report(context, { collection, plan, outcome, elapsedMs: performance.now() - startMs });
    return outcome.isInterrupted ? 130 : 0;
  });
}

function formatOf(path: string, given: RecordFormat | undefined): RecordFormat {
  if (given !== undefined) return given;
  if (path === '-' || /\.(?:jsonl|ndjson)$/iu.test(path)) return 'jsonl';
  const format = formats.find((format) => path.toLowerCase().endsWith(`.${format}`));
  if (format === undefined) {
    throw usageError(`${path}: unknown format; give --format ${formats.join(' | ')}`);
  }
  return format;
}

async function exportAll(
  context: Context,
  collection: Collection<Json>,
  plan: Plan,
): Promise<Outcome> {
  const { isResumed } = plan;
  const file = await OutputFile.open(plan.path, { isResumed });
  try {
    const ids = plan.ids === undefined ? undefined : await OutputFile.open(plan.ids, { isResumed });
    try {
      const writer = makeRecordWriter(plan.format, file, collection.info().dimension);
      return await copyRecords(context, collection, { plan, writer, ids });
    } finally {
      await ids?.close();
    }
  } finally {
    await file.close();
  }
}

interface Target {
  readonly plan: Plan;
  readonly writer: RecordWriter;
  readonly ids: OutputFile | undefined;
}

/** An interrupted export is completed as far as it came: what is there is whole. */
async function copyRecords(
  context: Context,
  collection: Collection<Json>,
  { plan, writer, ids }: Target,
): Promise<Outcome> {
  const { namespace, filter, limit = Number.POSITIVE_INFINITY } = plan;
  const kept = plan.isResumed ? await writer.resume() : { written: 0, lastId: undefined };
  if (ids !== undefined && plan.isResumed) await keepIds(ids, kept.written);
  const total = Math.min(limit, await collection.count({ namespace, filter }));
  const bar = context.progress('Exporting', 'record');
  let written = 0;
  let left = 0;
  try {
    for await (const record of collection.scan({ namespace, filter })) {
      if (written === limit || context.signal.aborted) break;
      if (written < kept.written) {
        if (canHold(plan.format, record)) written++;
        if (written === kept.written) checkSame(record.id, kept.lastId);
        continue;
      }
      if (await writer.write(record)) {
        await ids?.write(encodeIdLine(record.id));
        written++;
      } else {
        left++;
      }
      bar.update(written, { total });
    }
    await writer.end();
    await ids?.flush();
  } finally {
    bar.clear();
  }
  if (written < kept.written) throw changed();
  return { written, left, isInterrupted: context.signal.aborted };
}

function canHold(format: RecordFormat, record: StoredRecord<Json>): boolean {
  return format === 'jsonl' || format === 'csv' || record.vector !== undefined;
}

async function keepIds(ids: OutputFile, rows: number): Promise<void> {
  const { lines, end } = await wholeLines(ids, rows);
  if (lines < rows) {
    throw new CommandError(`${ids.path}: has ${lines} ids of ${rows} rows; export anew`);
  }
  await ids.keep(end);
}

/** The records before are those that were written before, as far as the format can tell. */
function checkSame(id: RecordId, last: RecordId | undefined): void {
  if (last !== undefined && id !== last) throw changed();
}

function changed(): CommandError {
  return new CommandError('the collection has changed since the file was begun; export it anew');
}

function report(
  context: Context,
  of: { collection: Collection<Json>; plan: Plan; outcome: Outcome; elapsedMs: number },
): void {
  const { collection, plan, outcome, elapsedMs } = of;
  const { written, left, isInterrupted } = outcome;
  const { name } = collection.info();
  if (plan.path !== '-') {
    const what = `${formatCount(written, 'record')} of "${printable(name)}"`;
    const how = isInterrupted ? 'Interrupted; --resume goes on. The file has' : 'Wrote';
    context.say(`${how} ${what} in ${formatMs(elapsedMs)} to ${printable(plan.path)}.`);
    if (left > 0) context.say(`${formatCount(left, 'record')} without a vector left out.`);
    context.json({ collection: name, file: plan.path, written, leftOut: left });
  }
}
