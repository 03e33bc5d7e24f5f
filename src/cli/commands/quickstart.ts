import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Collection, type Hit, hashingEmbedder } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { inputError } from '../command-error.ts';
import { withDatabase } from '../database-access.ts';
import { type FoundFiles, findTextFiles } from '../formats/markdown-files.ts';
import { formatBytes, formatCount, formatMs } from '../human.ts';
import { type SectionMetadata, type SyncResult, syncMarkdown } from '../markdown-sync.ts';
import { printable } from '../printable.ts';
import { queryWords } from '../query-words.ts';
import { type MeasuredRecall, measureRecall, sampleRecords } from '../recall.ts';
import { hitLines } from '../record-output.ts';
import { sampleQuestions } from '../sample-questions.ts';

const folderDefault = 'node_modules';
const dataDefault = 'quickstart-data';
const dimension = 384;
const batch = 200;
const hitsShown = 3;
const recallQueries = 50;

export const quickstart: Command = {
  name: 'quickstart',
  summary: 'Index the READMEs and Markdown files of a folder and search them.',
  details: 'A second run reads only the files that have changed.',
  examples: ['stratavec quickstart', 'stratavec quickstart ./docs --data ./docs-index'],
  positionals: [
    { name: 'FOLDER', help: `What to index. Default: ${folderDefault}.`, optional: true },
  ],
  options: {
    data: { kind: 'value', value: 'DIR', help: `The database. Default: ./${dataDefault}.` },
    ...commonOptions,
  },
  run,
};

interface Answer {
  readonly question: string;
  readonly ms: number;
  readonly hits: readonly Hit<SectionMetadata>[];
}

async function run(context: Context): Promise<number> {
  const [folder = folderDefault] = context.arguments.positionals;
  const directory = context.arguments.text('data') ?? dataDefault;
  const found = await textFilesOf(folder);
  const bytes = found.files.reduce((sum, file) => sum + file.bytes, 0);
  context.say(
    `Found ${formatCount(found.files.length, 'README or Markdown file', 'README and Markdown files')} ` +
      `(${formatBytes(bytes)}) under ${printable(folder)}`,
  );
  return await withDatabase(directory, {}, async (database) => {
    // Searched exactly, a small collection would have nothing to measure: the graph is always walked.
    const collection = await database.collection<SectionMetadata>('sections', {
      dimension,
      metric: 'cosine',
      exactBelow: 0,
    });
    const startMs = performance.now();
    const result = await index(context, collection, found);
    const indexMs = performance.now() - startMs;
    reportIndex(context, { result, indexMs, sections: collection.info().records });
    if (result.isInterrupted) {
      context.say('Interrupted. What was stored stays; the same command goes on from here.');
      context.json(result);
      return 130;
    }
    const answers = await answerQuestions(context, collection);
    const recall = await measureRecall(collection, { queries: recallQueries, k: 10 });
    await database.flush();
    const { memory } = await database.stats();
    const sizes = {
      residentBytes: process.memoryUsage().rss,
      databaseMemoryBytes: memory.totalBytes,
      diskBytes: await folderBytes(directory),
    };
    reportFigures(context, recall, sizes);
    sayWhatNext(context, directory);
    const unreadable = [...found.unreadable, ...result.unreadable];
    context.json({
      folder,
      data: directory,
      files: found.files.length,
      sections: collection.info().records,
      ...result,
      unreadable,
      indexMs,
      searches: answers.map(({ question, ms, hits }) => ({ question, ms, hits: hits.map(bare) })),
      ...recall,
      ...sizes,
    });
    return 0;
  });
}

async function textFilesOf(folder: string): Promise<FoundFiles> {
  const info = await stat(folder).catch(() => undefined);
  if (info === undefined && folder === folderDefault) {
    throw inputError(
      folder,
      'no such folder here; run `npm install` first, or give a folder of Markdown files: npx stratavec quickstart FOLDER',
    );
  }
  const found = await findTextFiles(folder);
  if (found.files.length > 0) return found;
  const [reason] = found.unreadable;
  const why = reason === undefined ? '' : ` (could not read ${reason})`;
  throw inputError(
    folder,
    `no README or Markdown file in it${why}; give another folder: npx stratavec quickstart FOLDER`,
  );
}

async function index(
  context: Context,
  collection: Collection<SectionMetadata>,
  found: FoundFiles,
): Promise<SyncResult> {
  const bar = context.progress('Indexing', 'section');
  try {
    return await syncMarkdown(collection, found.files, {
      embedder: hashingEmbedder({ dimension }),
      batch,
      prune: true,
      signal: context.signal,
      onProgress: (filesDone, sections) =>
        bar.update(sections, { share: filesDone / found.files.length }),
    });
  } finally {
    bar.clear();
  }
}

function reportIndex(
  context: Context,
  { result, indexMs, sections }: { result: SyncResult; indexMs: number; sections: number },
): void {
  const { filesRead, filesUnchanged, filesRemoved, sectionsStored, unreadable } = result;
  if (filesRead === 0) {
    context.say(`No file has changed since the last run (looked in ${formatMs(indexMs)}).`);
  } else {
    const rate = formatCount(Math.round((sectionsStored / indexMs) * 1000), 'section');
    context.say(
      `Indexed ${formatCount(filesRead, 'file')} as ${formatCount(sectionsStored, 'section')} ` +
        `in ${formatMs(indexMs)} (${rate}/s, each commit synced to disk; ` +
        `${formatMs(result.embedMs)} of it making vectors).`,
    );
    if (filesUnchanged > 0) context.say(`${formatCount(filesUnchanged, 'file')} had not changed.`);
  }
  if (filesRemoved > 0) {
    context.say(
      `${formatCount(filesRemoved, 'file')} of the last run not found any more: removed.`,
    );
  }
  for (const line of unreadable) context.warn(`left out: ${printable(line)}`);
  context.say(`The database holds ${formatCount(sections, 'section')}.`);
}

async function answerQuestions(
  context: Context,
  collection: Collection<SectionMetadata>,
): Promise<Answer[]> {
  const embedder = hashingEmbedder({ dimension });
  const sample = await sampleRecords(collection, 200);
  const answers: Answer[] = [];
  for (const question of sampleQuestions(sample.map(({ metadata }) => metadata?.heading ?? ''))) {
    const startMs = performance.now();
    const hits = await collection.search({
      vector: embedder.embed(question),
      k: hitsShown,
      include: ['metadata', 'text'],
    });
    const ms = performance.now() - startMs;
    answers.push({ question, ms, hits });
    context.say();
    context.say(`> ${printable(question)}   (${formatMs(ms)})`);
    for (const [i, hit] of hits.entries()) {
      const words = queryWords(question);
      for (const line of hitLines(hit, { rank: i + 1, words, columns: context.columns })) {
        context.say(line);
      }
    }
  }
  return answers;
}

function reportFigures(
  context: Context,
  recall: MeasuredRecall | undefined,
  sizes: { residentBytes: number; databaseMemoryBytes: number; diskBytes: number },
): void {
  context.say();
  if (recall !== undefined) {
    const { queries, k, recallAtK, searchMs, exactMs } = recall;
    context.say(
      `recall@${k}  ${recallAtK.toFixed(3)}  (${formatCount(queries, 'stored section')} as queries; ` +
        `a search takes ${formatMs(searchMs)}, comparing with every vector ${formatMs(exactMs)}, medians)`,
    );
  }
  context.say(
    `memory     ${formatBytes(sizes.residentBytes)} of the process, ` +
      `${formatBytes(sizes.databaseMemoryBytes)} of it the database's own`,
  );
  context.say(`disk       ${formatBytes(sizes.diskBytes)}`);
}

function sayWhatNext(context: Context, directory: string): void {
  const shown = printable(directory);
  context.say();
  context.say('Try next:');
  context.say(`  npx stratavec search ${shown} --text "your own question"`);
  context.say(`  npx stratavec stats ${shown}`);
  context.say(`  npx stratavec check ${shown}`);
  context.say('  npx stratavec quickstart FOLDER   another folder of Markdown');
  context.say('  npx stratavec quickstart          again: only changed files are read');
  context.say();
  context.say(
    'The built-in embedder matches words and their pieces, not meaning. For meaning, store',
  );
  context.say("your own model's vectors: see the README.");
}

function bare({ id, score, metadata, text }: Hit<SectionMetadata>): object {
  return { id, score, heading: metadata?.heading, line: metadata?.line, text };
}

async function folderBytes(directory: string): Promise<number> {
  let bytes = 0;
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    bytes += (await stat(path).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}
