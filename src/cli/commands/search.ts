import { type Collection, hashingEmbedder, type SearchOptions } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { CommandError, usageError } from '../command-error.ts';
import { existingCollection, withExisting } from '../database-access.ts';
import { filterOption, parseFilterArgument } from '../filter-argument.ts';
import { formatCount, formatMs } from '../human.ts';
import { queryWords } from '../query-words.ts';
import { storedId } from '../record-ids.ts';
import { hitLines } from '../record-output.ts';

export const search: Command = {
  name: 'search',
  summary: 'Find the records nearest to a text, a vector or a stored record.',
  examples: [
    'stratavec search ./data --collection docs --text "how to install"',
    'stratavec search ./data --vector "[0.1, 0.2, 0.3]" -k 5 --exact',
    'stratavec search ./data --id 17 --json',
    `stratavec search ./data --id 17 --filter '{"year": {"$gt": 2020}}'`,
  ],
  positionals: [{ name: 'DIR', help: 'Folder of the database.' }],
  options: {
    collection: { kind: 'value', short: 'c', value: 'NAME', help: 'Default: the only one.' },
    text: {
      kind: 'value',
      short: 't',
      value: 'TEXT',
      help: 'Embedded by the built-in lexical embedder.',
    },
    vector: { kind: 'value', value: 'JSON', help: 'The query as an array of numbers.' },
    id: { kind: 'value', value: 'ID', help: 'The query is the vector of this record.' },
    'vector-name': { kind: 'value', value: 'NAME', help: 'Search in this named vector space.' },
    k: { kind: 'value', short: 'k', value: 'N', help: 'How many hits. Default: 10.' },
    ef: { kind: 'value', value: 'N', help: 'Beam width; more finds more. Default: 64.' },
    recall: {
      kind: 'value',
      value: 'SHARE',
      help: 'Look as widely as this recall takes, as 0.95.',
    },
    exact: { kind: 'flag', help: 'Compare with every vector.' },
    filter: filterOption,
    namespace: { kind: 'value', short: 'n', value: 'NAME', help: 'Default: all.' },
    ...commonOptions,
  },
  run,
};

async function run(context: Context): Promise<number> {
  const given = context.arguments;
  const [directory] = given.positionals;
  const text = given.text('text');
  const vector = parseVector(given.text('vector'));
  const id = given.text('id');
  const queries = [text, vector, id].filter((query) => query !== undefined);
  if (queries.length !== 1) throw usageError('give one of --text, --vector and --id');
  const common: SearchOptions = {
    k: given.integer('k', 1),
    vectorName: given.text('vector-name'),
    ef: given.integer('ef', 1),
    recall: parseRecall(given.text('recall')),
    exact: given.flag('exact'),
    filter: parseFilterArgument(given.text('filter')),
    namespace: given.text('namespace'),
    include: ['metadata', 'text'],
    signal: context.signal,
  };
  return await withExisting(directory, async (database) => {
    const collection = await existingCollection(database, given.text('collection'));
    const { namespace, vectorName } = common;
    const query = { text, vector, id, namespace, vectorName };
    const options = { ...common, ...(await queryOf(collection, query)) };
    const { hits, stats } = await collection.searchWithStats(options);
    const words = text === undefined ? [] : queryWords(text);
    for (const [i, hit] of hits.entries()) {
      for (const line of hitLines(hit, { rank: i + 1, words, columns: context.columns })) {
        context.say(line);
      }
    }
    const how = stats.plan === 'exact' ? 'every vector compared' : `graph walk, ef ${stats.ef}`;
    context.say(`${formatCount(hits.length, 'hit')} in ${formatMs(stats.totalMs)} (${how}).`);
    if (text !== undefined) {
      context.say('The text was embedded by the built-in lexical embedder: it matches words.');
    }
    context.json({ collection: collection.name, hits, stats });
    return 0;
  });
}

async function queryOf(
  collection: Collection,
  query: {
    text: string | undefined;
    vector: number[] | undefined;
    id: string | undefined;
    namespace: string | undefined;
    vectorName: string | undefined;
  },
): Promise<SearchOptions> {
  if (query.vector !== undefined) return { vector: query.vector };
  if (query.id !== undefined) return { id: await storedId(collection, query.id, query.namespace) };
  const { namedVectors, ...info } = collection.info();
  const named = query.vectorName === undefined ? info : namedVectors[query.vectorName];
  const dimension = named?.dimension ?? 0;
  if (dimension < 8) {
    throw new CommandError(
      `--text needs vectors of at least 8 dimensions, those here have ${dimension}; give --vector`,
    );
  }
  return { vector: hashingEmbedder({ dimension }).embed(query.text ?? '') };
}

/** Its bounds are the library's to check. */
function parseRecall(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const recall = Number(text);
  if (text.trim() === '' || Number.isNaN(recall)) {
    throw usageError(`--recall: expected a number as 0.95, got "${text}"`);
  }
  return recall;
}

function parseVector(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usageError('--vector: expected a JSON array of numbers as "[0.1, 0.2]"');
  }
  if (!Array.isArray(value) || value.some((part) => typeof part !== 'number')) {
    throw usageError('--vector: expected a JSON array of numbers as "[0.1, 0.2]"');
  }
  return value;
}
