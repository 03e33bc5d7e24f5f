/** Small memory: what it costs in speed, beside peers that hold everything, and what is read in its place. */
import type { Row } from '../harness/report.ts';
import { type Chart, chart, legendName, provenance, speedTicks, subjectChannels } from './chart.ts';

interface Point {
  readonly subject: string;
  readonly k: number;
  readonly recall: number;
  /** Given to the database; undefined: no bound, as with all peers. */
  readonly budgetMB: number | undefined;
  readonly budget: string;
  /** By how much resident memory grew. */
  readonly residentMB: number;
  readonly queriesPerSecond: number;
  readonly readsPerQuery: number | undefined;
  readonly kilobytesReadPerQuery: number | undefined;
}

const UNLIMITED = 'no bound';

/** Of the rows of one data set: for each k one chart of speed, and one of reads. */
export function memoryCharts(dataset: string, rows: readonly Row[]): Chart[] {
  const own = rows.filter(({ bench }) => bench === 'memory');
  const points = own.flatMap(pointsOf);
  const subtitle = provenance(dataset, own);
  const depths = [...new Set(points.map(({ k }) => k))];
  return [
    ...depths.map((k) =>
      speedChart(
        dataset,
        subtitle,
        points.filter((point) => point.k === k),
      ),
    ),
    readsChart(
      dataset,
      subtitle,
      points.filter(({ readsPerQuery }) => readsPerQuery !== undefined),
    ),
  ];
}

function pointsOf({ subject, config, metrics }: Row): Point[] {
  const { memoryBytes, k, targetRecall } = config;
  const { speedAtRecall, residentBytes, readsPerQuery, bytesReadPerQuery } = metrics;
  if (typeof k !== 'number' || typeof targetRecall !== 'number') return [];
  if (typeof speedAtRecall !== 'number' || typeof residentBytes !== 'number') return [];
  const budgetMB = typeof memoryBytes === 'number' ? memoryBytes / 1e6 : undefined;
  return [
    {
      subject: legendName(subject),
      k,
      recall: targetRecall,
      budgetMB,
      budget: budgetMB === undefined ? UNLIMITED : `${budgetMB} MB`,
      residentMB: residentBytes / 1e6,
      queriesPerSecond: speedAtRecall,
      readsPerQuery: typeof readsPerQuery === 'number' ? readsPerQuery : undefined,
      kilobytesReadPerQuery:
        typeof bytesReadPerQuery === 'number' ? bytesReadPerQuery / 1e3 : undefined,
    },
  ];
}

/** Stratavec's points are joined in the order of their budgets, which stand beside them. */
function speedChart(dataset: string, subtitle: string, points: readonly Point[]): Chart {
  const [{ k, recall } = { k: 0, recall: 0 }] = points;
  const x = {
    field: 'residentMB',
    type: 'quantitative',
    title: 'resident memory of the index, MB (growth over an empty open one)',
    scale: { type: 'log', nice: false, padding: 24 },
    axis: { format: '~r', tickCount: 8 },
  };
  const y = {
    field: 'queriesPerSecond',
    type: 'quantitative',
    title: `queries a second at recall@${k} of ${recall}, one thread`,
    scale: { type: 'log', nice: false, padding: 24 },
    axis: { format: '~s', values: speedTicks(points.map((point) => point.queriesPerSecond)) },
  };
  const { color, shape } = subjectChannels(points);
  const labels = {
    type: 'text',
    fontSize: 11,
    color: '#555555',
    align: { expr: "datum.isBounded ? 'left' : 'right'" },
    dx: { expr: 'datum.isBounded ? 9 : -9' },
    dy: { expr: 'datum.isBounded && datum.index % 2 === 0 ? 11 : -9' },
  };
  const body = {
    width: 680,
    height: 420,
    transform: [
      { calculate: 'isValid(datum.budgetMB)', as: 'isBounded' },
      { calculate: 'datum.isBounded ? datum.budgetMB : 1e9', as: 'place' },
      { calculate: "datum.isBounded ? 'budget ' + datum.budget : datum.budget", as: 'label' },
    ],
    encoding: { x, y },
    layer: [
      {
        mark: { type: 'line', strokeWidth: 2 },
        encoding: { color, order: { field: 'place', type: 'quantitative' } },
      },
      {
        mark: { type: 'point', filled: true, size: 80, opacity: 1 },
        encoding: { color, shape },
      },
      {
        transform: [
          { filter: "datum.subject === 'stratavec'" },
          { window: [{ op: 'row_number', as: 'index' }], sort: [{ field: 'place' }] },
        ],
        mark: labels,
        encoding: { text: { field: 'label', type: 'nominal' } },
      },
    ],
  };
  const title = `Memory against speed: ${dataset}, top ${k}`;
  const name = `memory-speed-${dataset}-top${k}`;
  return chart({ name, title, subtitle, points, body });
}

/** Two views side by side: how many reads, and how much is read. */
function readsChart(dataset: string, subtitle: string, points: readonly Point[]): Chart {
  const budgets = [...points].sort((a, b) => (a.budgetMB ?? 1e9) - (b.budgetMB ?? 1e9));
  const view = (field: string, title: string): object => ({
    width: 330,
    height: 300,
    mark: { type: 'line', strokeWidth: 2, point: { filled: true, size: 60 } },
    encoding: {
      x: {
        field: 'budget',
        type: 'ordinal',
        title: 'memory budget',
        sort: [...new Set(budgets.map(({ budget }) => budget))],
        axis: { labelAngle: 0 },
      },
      y: { field, type: 'quantitative', title, axis: { format: '~s' } },
      color: {
        field: 'wanted',
        type: 'nominal',
        title: null,
        scale: { range: ['#d55e00', '#0072b2'] },
      },
    },
  });
  const body = {
    transform: [{ calculate: "'top ' + datum.k + ' at recall ' + datum.recall", as: 'wanted' }],
    hconcat: [
      view('readsPerQuery', 'reads a query'),
      view('kilobytesReadPerQuery', 'kilobytes read a query'),
    ],
  };
  const title = `Reads against memory: ${dataset}`;
  const name = `memory-reads-${dataset}`;
  return chart({ name, title, subtitle, points, body });
}
