import { type Command, type Context, commonOptions } from '../command.ts';
import { CommandError, usageError } from '../command-error.ts';
import { withDatabase } from '../database-access.ts';
import { metrics } from '../metrics.ts';
import { printable } from '../printable.ts';

export const create: Command = {
  name: 'create',
  summary: 'Create a collection, and the database if there is none.',
  examples: ['stratavec create ./data --collection notes --dimension 384 --metric cosine'],
  positionals: [{ name: 'DIR', help: 'Folder of the database.' }],
  options: {
    collection: { kind: 'value', short: 'c', value: 'NAME', help: 'Its name. Needed.' },
    dimension: { kind: 'value', short: 'd', value: 'N', help: 'Numbers in a vector. Needed.' },
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
  if (dimension === undefined) {
    throw usageError('--dimension is missing: how many numbers has a vector? (texts: 384 is good)');
  }
  const info = await withDatabase(directory, {}, async (database) => {
    if ((await database.collections()).includes(name)) {
      throw new CommandError(
        `there is a collection "${printable(name)}" already; see \`stratavec stats ${directory}\``,
      );
    }
    return (await database.collection(name, { dimension, metric })).info();
  });
  context.say(
    `Created collection "${printable(name)}" in ${printable(directory)}: ` +
      `${info.dimension} dimensions, ${info.metric}.`,
  );
  context.json({ created: info });
  return 0;
}
