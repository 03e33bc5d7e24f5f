import { resolve } from 'node:path';
import type { Collection, Filter, Json, RecordId, StoredRecord } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { CommandError, usageError } from '../command-error.ts';
import { existingCollection, withExisting } from '../database-access.ts';
import { filterOption, parseFilterArgument } from '../filter-argument.ts';
import { encodeIdLine } from '../formats/json-lines-writer.ts';
import { makeRecordWriter } from '../formats/make-record-writer.ts';
import type { RecordFormat } from '../formats/record-source.ts';
import type { RecordWriter } from '../formats/record-writer.ts';
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
  /** Records without their named vectors or their end, which the format cannot hold. */
  readonly partial: number;
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
  if (plan.ids !== undefined && (plan.ids === '-' || resolve(plan.ids) === resolve(path))) {
    throw usageError(`--ids ${plan.ids}: the ids need a file of their own`);
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
  const { path, ids: idsPath, isResumed } = plan;
  return await withOutput(path, isResumed, async (file) => {
    const writer = makeRecordWriter(plan.format, file, collection.info().dimension);
    if (idsPath === undefined) return await copyRecords(context, collection, { plan, writer });
    return await withOutput(idsPath, isResumed, async (ids) =>
      copyRecords(context, collection, { plan, writer, ids }),
    );
  });
}

/** After a failure a file of which there is nothing yet is gone again. */
async function withOutput<Result>(
  path: string,
  isResumed: boolean,
  work: (file: OutputFile) => Promise<Result>,
): Promise<Result> {
  const file = await OutputFile.open(path, { isResumed });
  try {
    const result = await work(file);
    await file.close();
    return result;
  } catch (error) {
    // The error that brought us here is the one to show.
    await (isResumed ? file.close() : file.discardIfEmpty()).catch(() => {});
    throw error;
  }
}

interface Target {
  readonly plan: Plan;
  readonly writer: RecordWriter;
  readonly ids?: OutputFile;
}

/** An interrupted export is completed as far as it came: what is there is whole. */
async function copyRecords(
  context: Context,
  collection: Collection<Json>,
  { plan, writer, ids }: Target,
): Promise<Outcome> {
  const { namespace, filter } = plan;
  const kept = plan.isResumed ? await resume(writer, ids) : { written: 0, lastId: undefined };
  // A file that has more already stays as it is.
  const limit = Math.max(plan.limit ?? Number.POSITIVE_INFINITY, kept.written);
  const total = Math.min(limit, await collection.count({ namespace, filter }));
  const bar = context.progress('Exporting', 'record');
  let written = 0;
  let left = 0;
  let partial = 0;
  try {
    for await (const record of collection.scan({ namespace, filter })) {
      if (written === limit || context.signal.aborted) break;
      if (written < kept.written) {
        if (canHold(plan.format, record)) written++;
        if (written === kept.written) checkSame(record.id, kept.lastId);
        continue;
      }
      const how = await writer.write(record);
      if (how === 'nothing') {
        left++;
      } else {
        await ids?.write(encodeIdLine(record.id));
        written++;
        if (how === 'part') partial++;
      }
      bar.update(written, { total });
    }
    await writer.end();
    await ids?.flush();
  } finally {
    bar.clear();
  }
  const isInterrupted = context.signal.aborted;
  if (written < kept.written && !isInterrupted) throw changed();
  return { written: Math.max(written, kept.written), left, partial, isInterrupted };
}

/** Of rows and ids, written in pieces of their own, as many stay as both have. */
async function resume(
  writer: RecordWriter,
  ids: OutputFile | undefined,
): Promise<Awaited<ReturnType<RecordWriter['resume']>>> {
  if (ids === undefined) return await writer.resume();
  const { lines } = await wholeLines(ids);
  const kept = await writer.resume(lines);
  const { end } = await wholeLines(ids, kept.written);
  await ids.keep(end);
  return kept;
}

function canHold(format: RecordFormat, record: StoredRecord<Json>): boolean {
  return format === 'jsonl' || format === 'csv' || record.vector !== undefined;
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
  const { written, left, partial, isInterrupted } = outcome;
  const { name } = collection.info();
  if (plan.path !== '-') {
    const what = `${formatCount(written, 'record')} of "${printable(name)}"`;
    const how = isInterrupted ? 'Interrupted; --resume goes on. The file has' : 'Wrote';
    context.say(`${how} ${what} in ${formatMs(elapsedMs)} to ${printable(plan.path)}.`);
    if (left > 0) context.say(`${formatCount(left, 'record')} without a vector left out.`);
    if (partial > 0) {
      const of = formatCount(partial, 'record');
      context.say(
        `${of} with named vectors or an end, for which ${plan.format} has no column; jsonl keeps them.`,
      );
    }
    context.json({ collection: name, file: plan.path, written, leftOut: left, partial });
  }
}
