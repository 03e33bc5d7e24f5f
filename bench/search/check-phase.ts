/**
 * The same questions asked again, of a database with little memory and of one that was closed and opened:
 * the hits and their distances must be those of the first time.
 */
import type { Row } from '../harness/report.ts';
import type { Empty, OpenAnswer, SearchAsk } from './child.ts';
import { type Answers, countEqual, type Run } from './run.ts';
import type { Growth, Round } from './subject.ts';

const smallMemoryBytes = 32 * 1024 * 1024;

/** The answers at about 0.95 and 0.99 recall: the smallest `ef` that reaches each, else the largest. */
function atTargets(answers: readonly Answers[]): readonly Answers[] {
  const chosen = [0.95, 0.99].map(
    (target) => answers.find(({ recall }) => recall >= target) ?? answers[answers.length - 1],
  );
  return [...new Set(chosen)];
}

/** Whether every hit was the same and the engine stayed inside its budget. */
export async function checkSmallMemory(run: Run, answers: readonly Answers[]): Promise<boolean> {
  const memoryBytes = run.options.memoryBytes ?? smallMemoryBytes;
  const child = run.start('stratavec', 'search', memoryBytes);
  await child.ask<Empty>('empty');
  await child.ask<OpenAnswer>('open');
  const rows: Row[] = [];
  let isSame = true;
  for (const { ef, recall, round } of atTargets(answers)) {
    const ask: SearchAsk = { k: run.k, ef };
    const cold = await child.ask<Round>('search', ask);
    const warm = await child.ask<Round>('search', ask);
    const counts = await child.ask<Record<string, number>>('count', ask);
    const queries = run.dataset.queries.rows;
    const equalQueries = Math.min(countEqual(round, cold, run.k), countEqual(round, warm, run.k));
    isSame &&= equalQueries === queries;
    const perQuery = Object.entries(counts).map(([name, sum]) => [
      `${name}PerQuery`,
      sum / queries,
    ]);
    rows.push(
      run.report.row(
        'stratavec',
        { memoryBytes, ef },
        {
          recallAt10: recall,
          equalQueries,
          queries,
          queriesPerSecond: queries / warm.seconds,
          coldQueriesPerSecond: queries / cold.seconds,
          ...Object.fromEntries(perQuery),
        },
      ),
    );
  }
  run.report.table('little memory: the same hits, more reads', rows);
  const statistics = await child.ask<Record<string, number>>('statistics');
  run.report.statistics('stratavec says of itself with little memory', 'stratavec', statistics);
  const isInside = await reportBudget(run, memoryBytes, statistics, await child.ask('growth'));
  await child.ask('close');
  await child.stop();
  if (!isSame) console.log('\nFAILED: little memory changed the hits');
  return isSame && isInside;
}

/** By its own account (`memory.totalBytes` of `stats()`); resident growth stands beside it. */
function reportBudget(
  run: Run,
  memoryBytes: number,
  statistics: Record<string, number>,
  growth: Growth,
): boolean {
  const accountedBytes = statistics['memory.totalBytes'];
  const isInside = accountedBytes <= memoryBytes;
  const row = run.report.row('stratavec', { memoryBytes }, { accountedBytes, isInside, ...growth });
  run.report.table('memory against its budget', [row]);
  if (!isInside) console.log('\nFAILED: the engine accounts for more memory than its budget');
  return isInside;
}

/** Whether a database that was closed and opened again gives the same hits. */
export async function checkReopening(run: Run, answers: readonly Answers[]): Promise<boolean> {
  const child = run.start('stratavec', 'search');
  await child.ask<Empty>('empty');
  const { openMs } = await child.ask<OpenAnswer>('open');
  const rows: Row[] = [];
  let isSame = true;
  for (const { ef, round } of atTargets(answers)) {
    const again = await child.ask<Round>('search', { k: run.k, ef } satisfies SearchAsk);
    const equalQueries = countEqual(round, again, run.k);
    const queries = run.dataset.queries.rows;
    isSame &&= equalQueries === queries;
    rows.push(
      run.report.row(
        'stratavec',
        { ef },
        { openMs, equalQueries, queries, firstQueryMs: again.latenciesMs[0] },
      ),
    );
  }
  run.report.table('closed and opened again', rows);
  await child.ask('close');
  await child.stop();
  if (!isSame) console.log('\nFAILED: closing and opening changed the hits');
  return isSame;
}
