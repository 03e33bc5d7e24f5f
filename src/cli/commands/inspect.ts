import { inspect as inspectPath } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { printable } from '../printable.ts';

export const inspect: Command = {
  name: 'inspect',
  summary: 'Show the files of a database, or what is in one of them, damage included.',
  details: 'What does not pass its checksum is marked with the word DAMAGED, and ends nothing.',
  examples: ['stratavec inspect ./data', 'stratavec inspect ./data/lsm/000012.table | less'],
  positionals: [
    { name: 'PATH', help: 'Folder of the database, or a log, table, version or page file of it.' },
  ],
  options: { ...commonOptions },
  run,
};

async function run(context: Context): Promise<number> {
  const [path] = context.arguments.positionals;
  const lines: string[] = [];
  for await (const line of inspectPath(path)) {
    if (context.signal.aborted) return 130;
    if (context.isJson) lines.push(line);
    else context.say(printable(line));
  }
  context.json({ lines });
  return 0;
}
