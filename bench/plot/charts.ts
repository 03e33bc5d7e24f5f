/**
 * The charts of the benches as Vega-Lite specifications: pure functions of rows. A chart is made when
 * there are rows for it.
 */
import type { Row } from '../harness/report.ts';

export interface Chart {
  /** Of its files. */
  readonly name: string;
  readonly spec: object;
  /** What is drawn, one object a point. */
  readonly points: readonly object[];
}

interface SpeedPoint {
  readonly subject: string;
  readonly ef: number;
  readonly recallAt10: number;
  readonly queriesPerSecond: number;
}

interface MemoryPoint {
  readonly subject: string;
  readonly memoryMB: number;
  readonly queriesPerSecond: number;
}

const size = { width: 640, height: 400 } as const;

/** Every chart that the rows of one data set have points for. */
export function chartsOf(dataset: string, rows: readonly Row[]): Chart[] {
  return [recallChart(dataset, rows), memoryChart(dataset, rows)].filter(
    (chart) => chart.points.length > 1,
  );
}

function recallChart(dataset: string, rows: readonly Row[]): Chart {
  const points = rows.flatMap(({ bench, subject, config, metrics }): SpeedPoint[] => {
    const { ef, memoryBytes } = config;
    const { recallAt10, queriesPerSecond } = metrics;
    const isCurve = bench === 'search' && memoryBytes === undefined;
    if (!isCurve || typeof ef !== 'number') return [];
    if (typeof recallAt10 !== 'number' || typeof queriesPerSecond !== 'number') return [];
    return [{ subject, ef, recallAt10, queriesPerSecond }];
  });
  const encoding = {
    x: quantity('recallAt10', 'recall@10', { zero: false }),
    y: quantity('queriesPerSecond', 'queries a second, one thread', { type: 'log' }),
  };
  const name = `recall-speed-${dataset}`;
  return { name, points, spec: lines(`${dataset}: recall against speed`, points, encoding) };
}

function memoryChart(dataset: string, rows: readonly Row[]): Chart {
  const points = rows.flatMap(({ bench, subject, config, metrics }): MemoryPoint[] => {
    const { memoryBytes, recallAt10 } = config;
    const { queriesPerSecond } = metrics;
    if (bench !== 'memory' || typeof memoryBytes !== 'number') return [];
    if (typeof queriesPerSecond !== 'number') return [];
    const at = recallAt10 === undefined ? '' : ` at recall ${recallAt10}`;
    return [{ subject: subject + at, memoryMB: memoryBytes / 1e6, queriesPerSecond }];
  });
  const encoding = {
    x: quantity('memoryMB', 'memory budget, MB', { type: 'log' }),
    y: quantity('queriesPerSecond', 'queries a second, one thread', { type: 'log' }),
  };
  const name = `memory-speed-${dataset}`;
  return { name, points, spec: lines(`${dataset}: memory against speed`, points, encoding) };
}

function quantity(field: string, title: string, scale: object): object {
  return { field, title, type: 'quantitative', scale };
}

function lines(title: string, points: readonly object[], encoding: object): object {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title,
    ...size,
    background: 'white',
    data: { values: points },
    mark: { type: 'line', point: true },
    encoding: { ...encoding, color: { field: 'subject', type: 'nominal', title: null } },
  };
}
