/** The report in words and figures: every table of the benches as Markdown, data set by data set, charts between them. */
import type { Row, Value } from '../harness/report.ts';
import { cellsOf } from '../harness/report.ts';

const HEAD = `# Benches

Speed stands beside the recall that it was measured at, and is the median of the rounds; \`spread\` is the largest round
less the smallest, divided by the median. Subjects were asked in turns, in processes of their own. \`stratavecOverThis\`
is how many times as fast stratavec's public API is as the subject of the row, \`walkOverThis\` the same of the walk of
its graph alone, without the API around it: medians of the ratios of rounds. \`lowerBound\` says that the narrowest beam
did better than this recall already. At a glance each data set has the speed of stratavec, and how many times the
speed of a peer it is, in brackets the same of the walk alone. usearch brings vectors to length 1 before it makes bytes
of them (\`i8\`), so that its recall is bounded where lengths differ. The points of the charts lie beside them as JSON.
`;

/** `images`: the files of the charts of each data set, named from where the report lies. */
export function markdownReport(
  rows: readonly Row[],
  images: ReadonlyMap<string, readonly string[]>,
): string {
  const parts = [HEAD];
  const glance = atAGlance(rows);
  if (glance.length > 0) parts.push(`## At a glance\n`, `${markdownTable(glance)}\n`);
  for (const dataset of new Set(rows.map((row) => row.dataset))) {
    const own = rows.filter((row) => row.dataset === dataset);
    parts.push(`## ${dataset}\n`);
    for (const image of images.get(dataset) ?? []) parts.push(`![${image}](${image})\n`);
    for (const bench of new Set(own.map((row) => row.bench))) {
      parts.push(
        benchPart(
          bench,
          own.filter((row) => row.bench === bench),
        ),
      );
    }
  }
  return parts.join('\n');
}

/**
 * Of each data set and recall one row: the speed of stratavec, and how many times that of each peer it is, with the
 * same of its walk alone in brackets.
 */
function atAGlance(rows: readonly Row[]): Row[] {
  const isSpeed = ({ bench, config, metrics }: Row): boolean =>
    bench === 'search' && typeof config.recallAt10 === 'number' && 'stratavecOverThis' in metrics;
  const speeds = rows.filter(isSpeed);
  return speeds
    .filter(({ subject }) => subject === 'stratavec')
    .map((own) => {
      const { dataset, config } = own;
      const { recallAt10 } = config;
      const peers = speeds.filter(
        ({ dataset: other, config, subject }) =>
          other === dataset && config.recallAt10 === recallAt10 && !subject.startsWith('stratavec'),
      );
      const over = peers.map(({ subject, metrics }) => [`over ${subject}`, ratiosOf(metrics)]);
      const { queriesPerSecond, spread } = own.metrics;
      const metrics = { recallAt10, queriesPerSecond, spread, ...Object.fromEntries(over) };
      return { ...own, subject: dataset, config: {}, metrics };
    });
}

function ratiosOf({ stratavecOverThis, walkOverThis }: Row['metrics']): string {
  if (typeof stratavecOverThis !== 'number') return 'not reached';
  const walk = typeof walkOverThis === 'number' ? ` (${walkOverThis.toFixed(2)})` : '';
  return `${stratavecOverThis.toFixed(2)}${walk}`;
}

/** What one bench measured on one data set: how, then its tables. */
function benchPart(bench: string, rows: readonly Row[]): string {
  const given = rows.find(({ config }) => config.machine !== undefined)?.config ?? {};
  const parts = [`### ${bench}\n`, `${list(given)}\n`];
  const tables = new Set(rows.map(({ table }) => table).filter((table) => table !== undefined));
  for (const table of tables) {
    parts.push(`**${table}**\n`, `${markdownTable(rows.filter((row) => row.table === table))}\n`);
  }
  return parts.join('\n');
}

function list(config: Readonly<Record<string, Value>>): string {
  return Object.entries(config)
    .map(([name, value]) => `${name}: ${value}`)
    .join(' · ');
}

function markdownTable(rows: readonly Row[]): string {
  const [names, ...lines] = cellsOf(rows);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = names.map((_, column) => (column === 0 ? '---' : '--:'));
  return [line(names), line(rule), ...lines.map(line)].join('\n');
}
