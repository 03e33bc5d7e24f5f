import { stat } from 'node:fs/promises';
import { type CollectionOptions, type Database, hashingEmbedder, type Json } from '../../index.ts';
import type { Arguments } from '../arguments.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { CommandError, describeSystemError, inputError, usageError } from '../command-error.ts';
import { withDatabase } from '../database-access.ts';
import { findTextFiles, isTextFileName } from '../formats/markdown-files.ts';
import { openRecordSource, type RecordFormat } from '../formats/record-source.ts';
import { vectorFileKinds } from '../formats/vector-header.ts';
import { formatCount } from '../human.ts';
import { type ImportResult, importRecords } from '../import-records.ts';
import { reportRecords, reportTexts } from '../import-report.ts';
import { ImportTarget } from '../import-target.ts';
import { type SectionMetadata, type SyncResult, syncMarkdown } from '../markdown-sync.ts';
import { metrics } from '../metrics.ts';
import { printable } from '../printable.ts';
import { chain, limited, readAhead, refuseNamedVectors } from '../record-stream.ts';

const formats = ['jsonl', 'csv', ...vectorFileKinds, 'md', 'txt'] as const;
type Format = (typeof formats)[number];

const batchDefault = 200;
const textDimension = 384;
/** How far the first vector of a new collection is looked for. */
const readAheadMax = 1000;

export const importCommand: Command = {
  name: 'import',
  summary: 'Store the records of a file, or the texts of a folder.',
  details: [
    '',
    'jsonl        one record a line: {"id": 1, "vector": [...], "text": "...", "metadata": {...}, "namespace": "...",',
    '             "vectors": {"title": [...]}, "ttlSeconds": 60}, of which all but the id may be left out;',
    '             a text without a vector is embedded by the built-in lexical embedder',
    'csv          a line of names, then records: id, vector ("[0.1, 0.2]"), text, namespace, metadata (JSON);',
    '             every other column becomes a field of the metadata',
    'fbin, u8bin, fvecs, bvecs, npy, coolvec',
    '             vectors; ids are the row numbers, from 0, or the lines of the file behind --ids',
    'md, txt      a file or a folder: one record a heading section, id path#n; unchanged files are not read again',
    '.gz behind any of these is unpacked. "-" is standard input.',
  ].join('\n'),
  examples: [
    'stratavec import ./data records.jsonl --collection notes',
    'stratavec import ./data base.fbin.gz --collection photos --metric l2 --limit 100000',
    'stratavec import ./data ./docs --collection docs',
  ],
  positionals: [
    { name: 'DIR', help: 'Folder of the database; made if missing.' },
    { name: 'SOURCE', help: 'The file or folder to read.' },
  ],
  options: {
    collection: {
      kind: 'value',
      short: 'c',
      value: 'NAME',
      help: 'Made if missing. Default: the only one, or "records".',
    },
    format: { kind: 'value', value: formats.join('|'), help: 'Default: by the name of SOURCE.' },
    dimension: {
      kind: 'value',
      short: 'd',
      value: 'N',
      help: 'Of a new collection. Default: that of the first vector; 384 for texts.',
    },
    metric: {
      kind: 'value',
      value: metrics.join('|'),
      help: 'Of a new collection. Default: cosine.',
    },
    limit: { kind: 'value', value: 'N', help: 'Stop after so many records.' },
    ids: {
      kind: 'value',
      value: 'FILE',
      help: 'The id of each row of a vector file, as JSON, a line each.',
    },
    'no-embed': { kind: 'flag', help: 'Texts without a vector stay without one.' },
    resume: {
      kind: 'flag',
      help: 'Go on with an import that was interrupted: pass over records whose id is stored.',
    },
    batch: {
      kind: 'value',
      value: 'N',
      help: `Records a commit. Default: ${batchDefault}; an empty collection takes all in one.`,
    },
    ...commonOptions,
  },
  run,
};

interface Plan {
  readonly source: string;
  readonly format: Format;
  readonly batch: number;
  /** Fill an empty collection at once: no batch size was asked for. */
  readonly atOnce: boolean;
  readonly limit: number | undefined;
  /** File of the ids of a vector file. */
  readonly ids: string | undefined;
  readonly embeds: boolean;
  readonly isResumed: boolean;
}

async function run(context: Context): Promise<number> {
  const given = context.arguments;
  const [directory, source] = given.positionals;
  const format = given.choice('format', formats);
  const options: CollectionOptions = {
    dimension: given.integer('dimension', 1),
    metric: given.choice('metric', metrics),
  };
  const batchGiven = given.integer('batch', 1);
  const batch = batchGiven ?? batchDefault;
  const atOnce = batchGiven === undefined;
  const limit = given.integer('limit', 1);
  const plan = {
    source,
    format: await formatOf(source, format),
    batch,
    atOnce,
    limit,
    ids: given.text('ids'),
    embeds: !given.flag('no-embed'),
    isResumed: given.flag('resume'),
  };
  if (plan.ids !== undefined && !isVectorFile(plan.format)) {
    throw usageError(`--ids: for files of vectors, ${plan.format} has ids of its own`);
  }
  return await withDatabase(directory, { backgroundThread: true }, async (database) => {
    const name = await collectionName(database, given);
    const target = new ImportTarget(database, name, options);
    return plan.format === 'md' || plan.format === 'txt'
      ? await importTexts(context, plan, target)
      : await importFile(context, { ...plan, format: plan.format }, target);
  });
}

async function collectionName(database: Database, given: Arguments): Promise<string> {
  const name = given.text('collection');
  if (name !== undefined) return name;
  const names = await database.collections();
  if (names.length > 1) {
    throw new CommandError(`there are several collections; give --collection ${names.join(' | ')}`);
  }
  return names[0] ?? 'records';
}

function isVectorFile(format: Format): boolean {
  return (vectorFileKinds as readonly Format[]).includes(format);
}

/** Also refuses a missing source, before the database is made. */
async function formatOf(source: string, given: Format | undefined): Promise<Format> {
  if (source === '-') return given ?? 'jsonl';
  let isFolder: boolean;
  try {
    isFolder = (await stat(source)).isDirectory();
  } catch (error) {
    throw inputError(source, describeSystemError(error), error);
  }
  if (isFolder && given !== undefined && given !== 'md' && given !== 'txt') {
    throw inputError(source, `is a folder, expected a ${given} file`);
  }
  if (given !== undefined) return given;
  if (isFolder) return 'md';
  const name = source.replace(/\.gz$/u, '');
  if (/\.(?:jsonl|ndjson)$/iu.test(name)) return 'jsonl';
  if (/\.csv$/iu.test(name)) return 'csv';
  const kind = vectorFileKinds.find((kind) => name.toLowerCase().endsWith(`.${kind}`));
  if (kind !== undefined) return kind;
  if (isTextFileName(name.replace(/^.*[\\/]/u, ''), true)) return 'md';
  throw usageError(`${source}: unknown format; give --format ${formats.join(' | ')}`);
}

async function importFile(
  context: Context,
  plan: Plan & { readonly format: RecordFormat },
  target: ImportTarget,
): Promise<number> {
  const startMs = performance.now();
  const source = await openRecordSource(plan.source, plan.format, plan.ids);
  const records = limited(source.records, plan.limit)[Symbol.asyncIterator]();
  const isKnown = source.dimension !== undefined || (await target.hasDimension());
  const first = await readAhead(records, isKnown ? 1 : readAheadMax);
  if (first.length === 0) {
    const shown = plan.source === '-' ? 'Standard input' : printable(plan.source);
    context.say(`${shown} has no records; nothing to do.`);
    context.json({ collection: target.name, stored: 0, inserted: 0, replaced: 0, embedded: 0 });
    return 0;
  }
  const dimension = source.dimension ?? first.at(-1)?.record.vector?.length ?? textDimension;
  if (!isKnown) refuseNamedVectors(first);
  const collection = await target.open<Json>(dimension);
  let bar = context.progress('Importing', 'record');
  let shownPhase: string | undefined;
  const total = source.rows && Math.min(source.rows, plan.limit ?? source.rows);
  let result: ImportResult;
  try {
    result = await importRecords(collection, chain(first, records), {
      batch: plan.batch,
      atOnce: plan.atOnce,
      embeds: plan.embeds,
      skipStored: plan.isResumed,
      signal: context.signal,
      onProgress: (stored) => bar.update(stored, { total, share: source.share() }),
      onBuild: ({ phase, done, total }) => {
        if (phase !== shownPhase) {
          bar.clear();
          bar = context.progress(`Building: ${phase}`, 'step');
          shownPhase = phase;
        }
        bar.update(done, { total });
      },
    });
  } catch (error) {
    await target.dropIfNew(collection);
    throw error;
  } finally {
    bar.clear();
  }
  reportRecords(context, { collection, result, elapsedMs: performance.now() - startMs });
  if (result.isInterrupted && result.stored === 0) await target.dropIfNew(collection);
  return result.isInterrupted ? 130 : 0;
}

async function importTexts(context: Context, plan: Plan, target: ImportTarget): Promise<number> {
  const startMs = performance.now();
  const found = await findTextFiles(plan.source, { plain: true });
  if (found.files.length === 0) {
    throw inputError(plan.source, 'no Markdown or text file (.md, .markdown, .txt, README) in it');
  }
  const collection = await target.open<SectionMetadata>(textDimension);
  const { dimension } = collection.info();
  if (dimension < 8) {
    throw new CommandError(
      `the collection has ${formatCount(dimension, 'dimension')}; texts need at least 8`,
    );
  }
  const bar = context.progress('Importing', 'section');
  let result: SyncResult;
  try {
    result = await syncMarkdown(collection, found.files, {
      embedder: hashingEmbedder({ dimension }),
      batch: plan.batch,
      prune: false,
      limit: plan.limit,
      signal: context.signal,
      onProgress: (filesDone, stored) =>
        bar.update(stored, { share: filesDone / found.files.length }),
    });
  } finally {
    bar.clear();
  }
  const unreadable = [...found.unreadable, ...result.unreadable];
  for (const line of unreadable) context.warn(`left out: ${printable(line)}`);
  reportTexts(context, { collection, result, elapsedMs: performance.now() - startMs });
  context.json({
    collection: collection.name,
    ...result,
    unreadable,
    records: collection.info().records,
    elapsedMs: performance.now() - startMs,
  });
  return result.isInterrupted ? 130 : 0;
}
