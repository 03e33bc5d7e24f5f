/** The charts of the benches as Vega-Lite specifications: pure functions of rows. */
import type { Row } from '../harness/report.ts';
import type { Chart } from './chart.ts';
import { memoryCharts } from './memory-charts.ts';
import { recallChart } from './recall-chart.ts';

/** Every chart that the rows of one data set have points for. */
export function chartsOf(dataset: string, rows: readonly Row[]): Chart[] {
  return [recallChart(dataset, rows), ...memoryCharts(dataset, rows)].filter(
    (chart) => chart.points.length > 1,
  );
}
