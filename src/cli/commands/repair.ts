import { repair as repairDatabase } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { figureLines } from '../figures.ts';
import { formatCount, formatMs } from '../human.ts';
import { printable } from '../printable.ts';

export const repair: Command = {
  name: 'repair',
  summary: 'Rebuild what is left of a damaged database, and say what is lost.',
  details:
    'Old files are kept, as lsm.lost, data.pages.lost and in lsm/lost. Needs room for a second copy.',
  examples: ['cp -r ./data ./data-copy && stratavec repair ./data'],
  positionals: [{ name: 'DIR', help: 'Folder of the database.' }],
  options: { ...commonOptions },
  run,
};

const lossesShown = 20;

async function run(context: Context): Promise<number> {
  const [directory] = context.arguments.positionals;
  const startMs = performance.now();
  const bar = context.progress('Rebuilding', 'record');
  try {
    const report = await repairDatabase(directory, {
      signal: context.signal,
      onProgress: ({ records }) => bar.update(records, {}),
    });
    bar.clear();
    const { lost, recovered, movedFiles, wasSound, wasRebuilt } = report;
    for (const { what, where, detail } of lost.slice(0, lossesShown)) {
      context.say(printable(`lost ${what}: ${where}: ${detail}`));
    }
    if (lost.length > lossesShown) {
      context.say(
        `… and ${formatCount(lost.length - lossesShown, 'more loss', 'more losses')}; --json lists all`,
      );
    }
    for (const line of figureLines(recovered)) context.say(line);
    const time = formatMs(performance.now() - startMs);
    const how = wasRebuilt ? 'Rebuilt from its records' : 'Repaired';
    const moved = `${formatCount(movedFiles.length, 'old file')} kept aside`;
    context.say(wasSound ? `Nothing was damaged (${time}).` : `${how}; ${moved} (${time}).`);
    context.json({ repair: report });
    return 0;
  } finally {
    bar.clear();
  }
}
