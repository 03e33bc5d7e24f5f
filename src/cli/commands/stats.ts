import { type Command, type Context, commonOptions } from '../command.ts';
import { withExisting } from '../database-access.ts';
import { figureLines } from '../figures.ts';
import { formatBytes, formatCount } from '../human.ts';
import { printable } from '../printable.ts';
import { shownSpaces } from '../shown-spaces.ts';

export const stats: Command = {
  name: 'stats',
  summary: 'Show what is in a database and what it takes.',
  examples: ['stratavec stats ./data', 'stratavec stats ./data --json'],
  positionals: [{ name: 'DIR', help: 'Folder of the database.' }],
  options: { all: { kind: 'flag', help: 'Every figure, tree by tree.' }, ...commonOptions },
  run,
};

async function run(context: Context): Promise<number> {
  const [directory] = context.arguments.positionals;
  return await withExisting(directory, async (database) => {
    const collections = await Promise.all(
      (await database.collections()).map(async (name) => (await database.collection(name)).info()),
    );
    const figures = await database.stats();
    context.say(`${printable(directory)}: ${formatCount(collections.length, 'collection')}`);
    for (const info of collections) {
      const { name, records, vectors, dimension } = info;
      const count = formatCount(records, 'record');
      const bare = dimension === 0 ? 0 : records - vectors;
      const without = bare === 0 ? '' : `, ${formatCount(bare, 'record')} without a vector`;
      context.say(`  ${printable(name)}  ${count}, ${shownSpaces(info)}${without}`);
    }
    context.say(`disk    ${formatBytes(figures.disk.totalBytes)}`);
    context.say(
      `memory  ${formatBytes(figures.memory.totalBytes)} of ${formatBytes(figures.memory.budgetBytes)}`,
    );
    if (context.arguments.flag('all')) {
      for (const line of figureLines(figures)) context.say(line);
    } else {
      context.say('`stratavec stats DIR --all` shows every figure.');
    }
    context.json({ collections, ...figures });
    return 0;
  });
}
