import type { Database } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { withExisting } from '../database-access.ts';
import { formatBytes, formatMs } from '../human.ts';
import { printable } from '../printable.ts';

export const backup: Command = {
  name: 'backup',
  summary: 'Write a copy of the database that can be opened, or restored.',
  details:
    'Tables are linked where the file system can, pages are copied. The folder must be empty or missing.',
  examples: ['stratavec backup ./data ./backups/monday', 'stratavec backup ./data /mnt/b --copy'],
  positionals: [
    { name: 'DIR', help: 'Folder of the database.' },
    { name: 'TO', help: 'Folder of the backup, empty or missing.' },
  ],
  options: {
    copy: { kind: 'flag', help: 'Copy tables too, so that nothing is shared with the database.' },
    ...commonOptions,
  },
  run,
};

async function run(context: Context): Promise<number> {
  const [directory, to] = context.arguments.positionals;
  const startMs = performance.now();
  const bar = context.progress('Backing up', 'byte');
  // To write: what is only in the log goes to tables first.
  const work = async (database: Database): Promise<number> => {
    const report = await database.backup(to, {
      link: !context.arguments.flag('copy'),
      signal: context.signal,
      onProgress: ({ done, total }) => bar.update(done, { total }),
    });
    bar.clear();
    const size = formatBytes(report.tableBytes + report.pageBytes);
    const time = formatMs(performance.now() - startMs);
    const linked = `${report.linkedTables} of ${report.tables} tables linked`;
    context.say(`Backed up ${size} to ${printable(to)} (${linked}, ${time}).`);
    context.json({ backup: report });
    return 0;
  };
  try {
    return await withExisting(directory, work, { readOnly: false });
  } finally {
    bar.clear();
  }
}
