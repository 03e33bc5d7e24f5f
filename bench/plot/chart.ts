/** What all charts have in common: their size, titles, and one colour and one shape for each subject. */
import type { Row, Value } from '../harness/report.ts';

export interface Chart {
  /** Of its files. */
  readonly name: string;
  /** Of Vega-Lite, with the points in it. */
  readonly spec: object;
  /** What is drawn, one object a point. */
  readonly points: readonly object[];
}

/** What one chart draws in itself. */
export interface Drawing {
  readonly name: string;
  readonly title: string;
  readonly subtitle: string;
  readonly points: readonly object[];
  /** Layers, or views side by side. */
  readonly body: object;
}

/** One subject, as a reader knows it. Colours are those of Okabe and Ito, told apart by the colour-blind as well. */
interface Look {
  readonly subject: string;
  readonly color: string;
  readonly shape: string;
}

const looks: readonly Look[] = [
  { subject: 'stratavec', color: '#d55e00', shape: 'circle' },
  { subject: 'stratavec, asked by recall', color: '#e69f00', shape: 'diamond' },
  { subject: 'stratavec, its walk alone', color: '#b0a090', shape: 'cross' },
  { subject: 'hnswlib, native C++', color: '#0072b2', shape: 'square' },
  { subject: 'hnswlib-node', color: '#56b4e9', shape: 'triangle-up' },
  { subject: 'usearch, f32', color: '#009e73', shape: 'triangle-down' },
  { subject: 'usearch, i8', color: '#cc79a7', shape: 'triangle-right' },
];

const names: Readonly<Record<string, string>> = {
  'stratavec-recall': 'stratavec, asked by recall',
  'stratavec-walk': 'stratavec, its walk alone',
  'hnswlib-native': 'hnswlib, native C++',
  'usearch-f32': 'usearch, f32',
  'usearch-i8': 'usearch, i8',
};

/** How a subject is called in a legend. */
export function legendName(subject: string): string {
  return names[subject] ?? subject;
}

/** The channels that tell subjects apart; those that the points do not have are not in the legend. */
export function subjectChannels(points: readonly { readonly subject: string }[]): {
  readonly color: object;
  readonly shape: object;
} {
  const present = new Set(points.map(({ subject }) => subject));
  const known = looks.filter(({ subject }) => present.has(subject));
  const others = [...present]
    .filter((subject) => !looks.some((look) => look.subject === subject))
    .map((subject) => ({ subject, color: '#666666', shape: 'stroke' }));
  const shown = [...known, ...others];
  const channel = (range: readonly string[]): object => ({
    field: 'subject',
    type: 'nominal',
    title: null,
    scale: { domain: shown.map(({ subject }) => subject), range },
  });
  return {
    color: channel(shown.map(({ color }) => color)),
    shape: channel(shown.map(({ shape }) => shape)),
  };
}

/** Of an axis of speeds: some in each decade, where the points are. */
export function speedTicks(speeds: readonly number[]): number[] {
  const ticks: number[] = [];
  for (let decade = 1; decade <= 1e7; decade *= 10) {
    ticks.push(...[1, 1.5, 2, 3, 5, 7].map((step) => step * decade));
  }
  const [least, most] = [Math.min(...speeds) / 1.2, Math.max(...speeds) * 1.2];
  return ticks.filter((tick) => tick >= least && tick <= most);
}

/** The specification of one chart. */
export function chart({ name, title, subtitle, points, body }: Drawing): Chart {
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: title, subtitle, anchor: 'start', offset: 14 },
    background: 'white',
    padding: 16,
    data: { values: points },
    ...body,
    config: {
      font: 'Helvetica, Arial, DejaVu Sans, sans-serif',
      title: { fontSize: 17, subtitleFontSize: 12, subtitleColor: '#555555', subtitlePadding: 6 },
      axis: { labelFontSize: 12, titleFontSize: 13, titlePadding: 10, gridColor: '#e6e6e6' },
      legend: { labelFontSize: 12, symbolSize: 90, labelLimit: 260, rowPadding: 5 },
      view: { stroke: '#bbbbbb' },
    },
  };
  return { name, points, spec };
}

/** Data set, its size, and where and when it was measured, from the first row of a bench. */
export function provenance(dataset: string, rows: readonly Row[]): string {
  const config: Readonly<Record<string, Value>> =
    rows.find(({ config }) => config.machine !== undefined)?.config ?? {};
  const { rows: count, dimension, metric, machine, node, commit } = config;
  const size =
    typeof count === 'number' ? `${count.toLocaleString('en-US')} × ${dimension}, ${metric}` : '';
  const parts = [dataset, size, machine, node === undefined ? '' : `Node ${node}`, commit];
  return parts.filter((part) => part !== undefined && part !== '').join(' · ');
}
