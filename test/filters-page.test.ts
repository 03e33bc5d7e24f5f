/** The page of filters: its session runs as it stands there, and its tables leave no operator out. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LOGICAL_NAMES, OPERATOR_NAMES } from '../src/filter/parse-operator.ts';
import { FILTER_BYTES_MAX, FILTER_LEVELS_MAX } from '../src/filter/read-json.ts';
import * as stratavec from '../src/index.ts';
import { tempDir } from './temp-dir.ts';

const page = readFileSync('docs/filters.md', 'utf8');

type Run = (exports: typeof stratavec, console: { log(line: unknown): void }) => Promise<void>;

test('the session prints what stands beside it', async () => {
  await using directory = await tempDir();
  const [, code] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
  const body = code
    .replace(/^import .*$/gm, '')
    .replace(/^interface \w+ \{[\s\S]*?^\}$/gm, '')
    .replace(/\.collection<\w+>/g, '.collection')
    .replaceAll("'./data'", JSON.stringify(directory.path));
  const run = new Function(
    'stratavec',
    'console',
    `return (async () => { const { open } = stratavec; ${body} })();`,
  ) as Run;
  const lines: string[] = [];
  await run(stratavec, { log: (line) => lines.push(String(line)) });
  const said = [...code.matchAll(/; \/\/ (.*)$/gm)].map(([, line]) => line);
  expect(said.length).toBeGreaterThan(5);
  expect(lines).toEqual(said);
});

test('every operator is in the tables, and the limits are true', () => {
  const tables = page.slice(page.indexOf('## The language'), page.indexOf('## Rules'));
  const names = [...OPERATOR_NAMES, ...LOGICAL_NAMES].filter((name) => name !== '$eq');
  expect(names.filter((name) => !tables.includes(name))).toEqual([]);
  expect(page).toContain(`${FILTER_BYTES_MAX.toLocaleString('en-US')} bytes`);
  expect(page).toContain(`${FILTER_LEVELS_MAX} levels`);
});
