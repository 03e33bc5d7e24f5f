/**
 * The curve: recall against speed over `ef`, all subjects open at once in processes of their own, each
 * round asked in turn. The first, uncounted round warms up and measures recall, which later rounds
 * cannot change.
 */
import type { Child } from '../harness/child.ts';
import { recallAt } from '../harness/ground-truth.ts';
import type { Row } from '../harness/report.ts';
import {
  median,
  percentile,
  type SpeedAtRecall,
  speedAtRecall,
  spread,
} from '../harness/statistics.ts';
import type { Empty, OpenAnswer, SearchAsk } from './child.ts';
import type { Answers, Run } from './run.ts';
import type { Growth, Round } from './subject.ts';

const recallTargets = [0.95, 0.99];
/** Beyond this recall a larger `ef` tells nothing new. */
const recallEnough = 0.998;

interface Point {
  readonly ef: number;
  readonly recall: number;
  readonly first: Round;
  /** In all rounds. */
  searches: number;
  /** One value a round. */
  readonly speeds: number[];
  readonly p50: number[];
  readonly p99: number[];
  readonly slowest: number[];
  /** Of a subject that can tell: what a search spends in the walk of the graph, in microseconds. */
  readonly walkUs: number[];
}

interface Curve {
  readonly subject: string;
  readonly child: Child;
  readonly openMs: number;
  readonly points: Point[];
}

/** Returns stratavec's answers, one for each `ef` that it was measured at. */
export async function measureAll(run: Run): Promise<readonly Answers[]> {
  const curves: Curve[] = [];
  for (const subject of run.subjects) curves.push(await openCurve(run, subject));
  for (let round = 0; round < run.rounds; round++) {
    for (const ef of run.efs) {
      for (const curve of curves) await measurePoint(run, curve, ef);
    }
  }
  reportCurves(run, curves);
  reportSpeeds(run, curves);
  await reportMemory(run, curves);
  for (const { child } of curves) {
    await child.ask('close');
    await child.stop();
  }
  return curves[0].points.map(({ ef, recall, first }) => ({ ef, recall, round: first }));
}

async function openCurve(run: Run, subject: string): Promise<Curve> {
  const { k, dataset, memoryBytes } = run;
  const child = run.start(subject, 'search', memoryBytes);
  await child.ask<Empty>('empty');
  const { openMs } = await child.ask<OpenAnswer>('open');
  const points: Point[] = [];
  for (const ef of run.efs) {
    const first = await child.ask<Round>('search', { k, ef } satisfies SearchAsk);
    const { metric, base, queries, truth } = dataset;
    const recall = recallAt(k, metric, base, queries, truth, first.ids);
    points.push({
      ef,
      recall,
      first,
      searches: 0,
      speeds: [],
      p50: [],
      p99: [],
      slowest: [],
      walkUs: [],
    });
    if (recall >= recallEnough) break;
  }
  return { subject, child, openMs, points };
}

async function measurePoint(run: Run, { child, points }: Curve, ef: number): Promise<void> {
  const point = points.find((point) => point.ef === ef);
  if (point === undefined) return;
  const passes = Math.ceil(run.searchesPerRound / run.dataset.queries.rows);
  const round = await child.ask<Round>('search', { k: run.k, ef, passes } satisfies SearchAsk);
  const latencies = Float64Array.from(round.latenciesMs).sort();
  point.searches += latencies.length;
  point.speeds.push(latencies.length / round.seconds);
  point.p50.push(percentile(latencies, 50));
  point.p99.push(percentile(latencies, 99));
  point.slowest.push(percentile(latencies, 100));
  const counts = await child.ask<Record<string, number>>('count', { k: run.k, ef });
  if (counts.walkMs !== undefined) {
    point.walkUs.push((counts.walkMs * 1000) / run.dataset.queries.rows);
  }
}

function reportCurves(run: Run, curves: readonly Curve[]): void {
  const rows = curves.flatMap(({ subject, points }) =>
    points.map((point) =>
      run.report.row(
        subject,
        { k: run.k, ef: point.ef, rounds: run.rounds, searches: point.searches },
        {
          recallAt10: point.recall,
          queriesPerSecond: median(point.speeds),
          spread: spread(point.speeds),
          p50Ms: median(point.p50),
          p99Ms: median(point.p99),
          maxMs: Math.max(...point.slowest),
          walkUs: point.walkUs.length > 0 ? median(point.walkUs) : null,
        },
      ),
    ),
  );
  run.report.table('search, one caller awaiting each query', rows);
}

/** The speed of each round at `target`; empty when the curve does not reach it, or `speedIn` has none. */
function speedsAt(
  run: Run,
  { points }: Curve,
  target: number,
  speedIn = ({ speeds }: Point, round: number): number => speeds[round],
): SpeedAtRecall[] {
  const speeds: SpeedAtRecall[] = [];
  for (let round = 0; round < run.rounds; round++) {
    const measured = points
      .map((point) => {
        const { ef, recall } = point;
        return { ef, recall, queriesPerSecond: speedIn(point, round) };
      })
      .filter(({ queriesPerSecond }) => queriesPerSecond > 0);
    const speed = speedAtRecall(measured, target);
    if (speed !== undefined) speeds.push(speed);
  }
  return speeds;
}

/** If nothing but the walk of the graph took time. */
function walkSpeed({ walkUs }: Point, round: number): number {
  return 1e6 / walkUs[round];
}

/** Ratios are those of rounds, each with the same round of the other. */
function reportSpeeds(run: Run, curves: readonly Curve[]): void {
  const rows: Row[] = [];
  for (const recall of recallTargets) {
    const own = speedsAt(run, curves[0], recall);
    const ownWalks = speedsAt(run, curves[0], recall, walkSpeed);
    for (const curve of curves) {
      const speeds = speedsAt(run, curve, recall);
      const values = speeds.map(({ queriesPerSecond }) => queriesPerSecond);
      const over = (speeds: readonly SpeedAtRecall[]): number[] =>
        speeds.map((speed, round) => speed.queriesPerSecond / values[round]);
      const ratios = over(own);
      const walks = speedsAt(run, curve, recall, walkSpeed);
      const isReached = values.length > 0;
      const isPeer = curve !== curves[0] && isReached && own.length > 0;
      rows.push(
        run.report.row(
          curve.subject,
          { recallAt10: recall, lowerBound: speeds[0]?.isLowerBound ?? false },
          {
            queriesPerSecond: isReached ? median(values) : null,
            spread: isReached ? spread(values) : null,
            ef: isReached ? median(speeds.map(({ ef }) => ef)) : null,
            walksPerSecond:
              walks.length > 0 ? median(walks.map((walk) => walk.queriesPerSecond)) : null,
            stratavecOverThis: isPeer ? median(ratios) : null,
            ratioSpread: isPeer ? spread(ratios) : null,
            walkOverThis: isPeer && ownWalks.length > 0 ? median(over(ownWalks)) : null,
          },
        ),
      );
    }
  }
  run.report.table('speed at a recall, interpolated over ef', rows);
}

async function reportMemory(run: Run, curves: readonly Curve[]): Promise<void> {
  const rows: Row[] = [];
  for (const { subject, child, openMs } of curves) {
    const growth = await child.ask<Growth>('growth');
    rows.push(run.report.row(subject, {}, { openMs, ...growth }));
    const statistics = await child.ask<Record<string, number>>('statistics');
    run.report.statistics(`${subject} says of itself after the searches`, subject, statistics);
  }
  run.report.table('memory after the searches (growth over an empty open index)', rows);
}
