import { restore as restoreDatabase } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { figureLines } from '../figures.ts';
import { formatBytes, formatMs } from '../human.ts';
import { printable } from '../printable.ts';

export const restore: Command = {
  name: 'restore',
  summary: 'Verify a backup and copy it to an empty place.',
  examples: ['stratavec restore ./backups/monday ./data'],
  positionals: [
    { name: 'FROM', help: 'Folder of the backup.' },
    { name: 'TO', help: 'Folder of the new database, empty or missing.' },
  ],
  options: { ...commonOptions },
  run,
};

async function run(context: Context): Promise<number> {
  const [from, to] = context.arguments.positionals;
  const startMs = performance.now();
  const bar = context.progress('Restoring', 'byte');
  try {
    const report = await restoreDatabase(from, to, {
      signal: context.signal,
      onProgress: ({ done, total }) => bar.update(done, { total }),
    });
    bar.clear();
    for (const line of figureLines(report.counts)) context.say(line);
    const time = formatMs(performance.now() - startMs);
    context.say(`Restored ${formatBytes(report.bytes)} to ${printable(to)} (${time}).`);
    context.json({ restored: report });
    return 0;
  } finally {
    bar.clear();
  }
}
