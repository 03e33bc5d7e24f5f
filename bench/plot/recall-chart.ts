/**
 * Recall against speed. The axis of recall is one of what is missing, in logarithmic steps: 0.9, 0.99 and 0.999 are
 * equally far apart, as they are in what they cost.
 */
import type { Row } from '../harness/report.ts';
import { type Chart, chart, legendName, provenance, speedTicks, subjectChannels } from './chart.ts';

interface Point {
  readonly subject: string;
  readonly ef: number;
  readonly recallAt10: number;
  readonly queriesPerSecond: number;
}

/** A recall of 1 is drawn here: the logarithm of nothing is nowhere. */
const MISSING_LEAST = 0.0005;
const TICKS = [0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
/** Those that are reported as figures. */
const TARGETS = [0.95, 0.99];

/** Of the rows of one data set. */
export function recallChart(dataset: string, rows: readonly Row[]): Chart {
  const own = rows.filter(({ bench }) => bench === 'search');
  const points = own.flatMap(pointsOf);
  const missing = `max(1 - datum.recallAt10, ${MISSING_LEAST})`;
  const x = {
    field: 'missing',
    type: 'quantitative',
    title: 'recall@10 (logarithmic in what is missing)',
    scale: { type: 'log', reverse: true, nice: false, padding: 12 },
    axis: { values: TICKS, labelExpr: "format(1 - datum.value, '~r')" },
  };
  const y = {
    field: 'queriesPerSecond',
    type: 'quantitative',
    title: 'queries a second, one thread, one caller',
    scale: { type: 'log', nice: false, padding: 12 },
    axis: { format: '~s', values: speedTicks(points.map((point) => point.queriesPerSecond)) },
  };
  const rules = TARGETS.map((recall) => ({ missing: 1 - recall }));
  const body = {
    width: 680,
    height: 420,
    transform: [{ calculate: missing, as: 'missing' }],
    layer: [
      {
        data: { values: rules },
        mark: { type: 'rule', strokeDash: [4, 4], color: '#999999' },
        encoding: { x },
      },
      {
        mark: { type: 'line', strokeWidth: 2, point: { filled: true, size: 55 } },
        encoding: { x, y, order: { field: 'ef' }, ...subjectChannels(points) },
      },
    ],
  };
  const title = `Recall against speed: ${dataset}`;
  const name = `recall-speed-${dataset}`;
  return chart({ name, title, subtitle: provenance(dataset, own), points, body });
}

/** The point of a row of a curve, and that of the walk alone where the row has it. */
function pointsOf({ subject, config, metrics }: Row): Point[] {
  const { ef, memoryBytes } = config;
  const { recallAt10, queriesPerSecond, walkUs } = metrics;
  if (memoryBytes !== undefined || typeof ef !== 'number') return [];
  if (typeof recallAt10 !== 'number' || typeof queriesPerSecond !== 'number') return [];
  const point = { subject: legendName(subject), ef, recallAt10, queriesPerSecond };
  if (subject !== 'stratavec' || typeof walkUs !== 'number') return [point];
  return [
    point,
    { ...point, subject: legendName('stratavec-walk'), queriesPerSecond: 1e6 / walkUs },
  ];
}
