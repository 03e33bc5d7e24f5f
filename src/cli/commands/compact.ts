import type { Database } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { withExisting } from '../database-access.ts';
import { formatBytes, formatCount, formatMs } from '../human.ts';

export const compact: Command = {
  name: 'compact',
  summary: 'Give back the space of what was deleted or replaced.',
  details: 'A database that is open does the same by itself, later and by less.',
  examples: ['stratavec compact ./data'],
  positionals: [{ name: 'DIR', help: 'Folder of the database.' }],
  options: { ...commonOptions },
  run,
};

async function run(context: Context): Promise<number> {
  const [directory] = context.arguments.positionals;
  const startMs = performance.now();
  const bar = context.progress('Compacting', 'step');
  const work = async (database: Database): Promise<number> => {
    const report = await database.compact({
      signal: context.signal,
      onProgress: ({ done, total }) => bar.update(done, { total }),
    });
    bar.clear();
    const { ghostsRemoved, vectorsMoved, bytesFreed } = report;
    const removed = `${formatCount(ghostsRemoved, 'deleted vector')} removed`;
    const moved = `${formatCount(vectorsMoved, 'vector')} moved`;
    const time = formatMs(performance.now() - startMs);
    // Small databases may grow by the page that a new table begins with.
    const freed = formatBytes(Math.max(0, bytesFreed));
    context.say(`Freed ${freed} (${removed}, ${moved}, ${time}).`);
    context.json({ compact: report });
    return 0;
  };
  try {
    return await withExisting(directory, work, { readOnly: false });
  } finally {
    bar.clear();
  }
}
