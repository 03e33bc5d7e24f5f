import { isDatabaseError } from '../../index.ts';
import { type Command, type Context, commonOptions } from '../command.ts';
import { withExisting } from '../database-access.ts';
import { figureLines } from '../figures.ts';
import { formatCount, formatMs } from '../human.ts';
import { printable } from '../printable.ts';

export const check: Command = {
  name: 'check',
  summary: 'Read everything and verify it; exit code 1 when something is wrong.',
  examples: ['stratavec check ./data'],
  positionals: [{ name: 'DIR', help: 'Folder of the database.' }],
  options: { ...commonOptions },
  run,
};

const problemsShown = 20;

interface Report {
  readonly ok: boolean;
  readonly problems: readonly { code: string; where: string; detail: string }[];
  readonly counts?: object;
}

async function run(context: Context): Promise<number> {
  const [directory] = context.arguments.positionals;
  const startMs = performance.now();
  const report = await checked(directory);
  const { ok, problems, counts } = report;
  for (const { code, where, detail } of problems.slice(0, problemsShown)) {
    context.say(printable(`${code}  ${where}: ${detail}`));
  }
  if (problems.length > problemsShown) {
    context.say(`… and ${formatCount(problems.length - problemsShown, 'more problem')}`);
  }
  if (counts !== undefined) for (const line of figureLines(counts)) context.say(line);
  const time = formatMs(performance.now() - startMs);
  context.say(ok ? `Everything is in order (${time}).` : notOk(problems.length, time));
  context.json(report);
  return ok ? 0 : 1;
}

function notOk(count: number, time: string): string {
  return `NOT in order: ${formatCount(count, 'problem')} (${time}). Keep a copy of the folder, then run \`stratavec repair\`.`;
}

/** A database too damaged to open is a finding too. */
async function checked(directory: string): Promise<Report> {
  try {
    return await withExisting(directory, (database) => database.check());
  } catch (error) {
    if (!isDatabaseError(error) || error.code !== 'CORRUPTION') throw error;
    // The rest of a backup is no database: nothing of it is to be repaired.
    if (error.message.includes('is unfinished')) throw error;
    const problem = { code: error.code, where: directory, detail: error.message };
    return { ok: false, problems: [problem] };
  }
}
