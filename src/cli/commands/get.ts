import { type Command, type Context, commonOptions } from '../command.ts';
import { existingCollection, withExisting } from '../database-access.ts';
import { storedId } from '../record-ids.ts';
import { recordLines } from '../record-output.ts';

export const get: Command = {
  name: 'get',
  summary: 'Show a record.',
  examples: [
    'stratavec get ./data 17 --collection photos',
    'stratavec get ./data "guide.md#3" --json',
  ],
  positionals: [
    { name: 'DIR', help: 'Folder of the database.' },
    { name: 'ID', help: 'Id of the record; digits mean the number, else the string of them.' },
  ],
  options: {
    collection: { kind: 'value', short: 'c', value: 'NAME', help: 'Default: the only one.' },
    namespace: { kind: 'value', short: 'n', value: 'NAME', help: 'Default: the unnamed one.' },
    ...commonOptions,
  },
  run,
};

async function run(context: Context): Promise<number> {
  const given = context.arguments;
  const [directory, text] = given.positionals;
  const namespace = given.text('namespace');
  return await withExisting(directory, async (database) => {
    const collection = await existingCollection(database, given.text('collection'));
    const id = await storedId(collection, text, namespace);
    const record = await collection.get(id, { namespace });
    if (record !== undefined) for (const line of recordLines(record)) context.say(line);
    context.json({ collection: collection.name, record });
    return 0;
  });
}
