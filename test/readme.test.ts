/** The examples of the README are run as they stand there, in their order, on one database. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as stratavec from '../src/index.ts';
import { tempDir } from './temp-dir.ts';

type Run = (exports: typeof stratavec, console: { log(line: unknown): void }) => Promise<void>;

/** The TypeScript of each example as the body of a function: imports and type arguments are left out. */
function examples(directory: string): Run[] {
  const blocks = readFileSync('README.md', 'utf8').matchAll(/```ts\n([\s\S]*?)```/g);
  return [...blocks].map(([, code]) => {
    const names = /^import (\{.*\}) from 'stratavec';/m.exec(code)?.[1];
    const body = code
      .replace(/^import .*$/gm, '')
      .replace(/\.collection<[^>]*>/g, '.collection')
      .replaceAll("'./data'", JSON.stringify(directory));
    const asynchronous = `return (async () => { const ${names} = stratavec; ${body} })();`;
    return new Function('stratavec', 'console', asynchronous) as Run;
  });
}

test('the examples work', async () => {
  await using directory = await tempDir();
  const lines: unknown[] = [];
  const runs = examples(directory.path);
  for (const run of runs) await run(stratavec, { log: (line) => lines.push(line) });
  expect(runs).toHaveLength(4);
  expect(lines).toEqual(['a']);
  await using database = await stratavec.open(directory.path);
  expect(await database.collections()).toEqual(['docs', 'notes', 'pages', 'points']);
});

test('every error code is in the table of errors', () => {
  const readme = readFileSync('README.md', 'utf8');
  const codes = [...readFileSync('src/errors.ts', 'utf8').matchAll(/^ {2}\| '([A-Z_]+)'/gm)];
  expect(codes.length).toBeGreaterThan(5);
  expect(codes.map(([, code]) => code).filter((code) => !readme.includes(`\`${code}\``))).toEqual(
    [],
  );
});
