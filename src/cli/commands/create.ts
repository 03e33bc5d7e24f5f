import type { CollectionOptions } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { CommandError, usageError } from '../command-error.ts';
import { withDatabase } from '../database-access.ts';
import { metrics } from '../metrics.ts';
import { printable } from '../printable.ts';
import { shownSpaces } from '../shown-spaces.ts';

export const create: Command = {
  name: 'create',
  summary: 'Create a collection, and the database if there is none.',
  examples: [
    'stratavec create ./data --collection notes --dimension 384 --metric cosine',
    `stratavec create ./data -c pages -d 384 --vectors '{"title": {"dimension": 128}}'`,
    `stratavec create ./data -c books -d 384 --fields '{"year": "number", "author.name": "keyword"}'`,
  ],
  positionals: [{ name: 'DIR', help: 'Folder of the database.' }],
  options: {
    collection: { kind: 'value', short: 'c', value: 'NAME', help: 'Its name. Needed.' },
    dimension: {
      kind: 'value',
      short: 'd',
      value: 'N',
      help: 'Numbers in a vector. Needed, or --vectors.',
    },
    vectors: { kind: 'value', value: 'JSON', help: 'Named vector spaces: their options by name.' },
    fields: {
      kind: 'value',
      value: 'JSON',
      help: 'Indexed fields of the metadata: keyword, number, boolean or date, by path.',
    },
    metric: { kind: 'value', value: metrics.join('|'), help: 'Default: cosine.' },
    ...commonOptions,
  },
  run,
};

async function run(context: Context): Promise<number> {
  const [directory] = context.arguments.positionals;
  const name = context.arguments.text('collection');
  const dimension = context.arguments.integer('dimension', 1);
  const metric = context.arguments.choice('metric', metrics);
  if (name === undefined) throw usageError('--collection is missing: give the collection a name');
  const vectors = parseObject<'vectors'>('vectors', context);
  const fields = parseObject<'fields'>('fields', context);
  if (dimension === undefined && vectors === undefined) {
    throw usageError('--dimension is missing: how many numbers has a vector? (texts: 384 is good)');
  }
  const info = await withDatabase(directory, {}, async (database) => {
    if ((await database.collections()).includes(name)) {
      throw new CommandError(
        `there is a collection "${printable(name)}" already; see \`stratavec stats ${directory}\``,
      );
    }
    return (await database.collection(name, { dimension, metric, vectors, fields })).info();
  });
  context.say(
    `Created collection "${printable(name)}" in ${printable(directory)}: ${shownSpaces(info)}.`,
  );
  context.json({ created: info });
  return 0;
}

/** What is in it is the library's to check. */
function parseObject<Name extends 'vectors' | 'fields'>(
  name: Name,
  context: Context,
): CollectionOptions[Name] {
  const json = context.arguments.text(name);
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw usageError(`--${name} is not JSON: ${(error as Error).message}`);
  }
}
