/** The page of the engine: its session runs as it stands there, and it leaves no knob or figure out. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as lsm from '../src/lsm.ts';
import { tempDir } from './temp-dir.ts';

const page = readFileSync('docs/lsm.md', 'utf8');

const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);

type Run = (exports: typeof lsm, console: { log(line: unknown): void }) => Promise<void>;

test('the session works', async () => {
  await using directory = await tempDir();
  expect(blocks).toHaveLength(2);
  const [code] = blocks;
  const names = /^import (\{.*\}) from 'stratavec\/lsm';/m.exec(code)?.[1];
  const body = code.replace(/^import .*$/gm, '').replaceAll("'./data", `'${directory.path}/data`);
  const lines: unknown[] = [];
  const run = new Function(
    'lsm',
    'console',
    `return (async () => { const ${names} = lsm; ${body} })();`,
  ) as Run;
  await run(lsm, { log: (line) => lines.push(line) });
  expect(lines).toEqual(['two', '1: one', '2: two', 'last: 2']);
});

test('the lists of a graph are written and read as it says', async () => {
  const trees = [{ id: 3, name: 'graph', mergeOperator: 'adjacency' as const }];
  const engine = await lsm.LsmEngine.open(new lsm.MemoryFileSystem(), 'graph', {
    trees,
    hasher: await lsm.loadHasher(),
    durability: 'sync',
    memtableBytes: 1 << 16,
    blockCacheBytes: 1 << 16,
  });
  const { GraphStore, WriteBatch, createGraphLayout } = lsm;
  const names = { engine, GraphStore, WriteBatch, createGraphLayout };
  const body = `return (async () => { ${blocks[1]} return [graph, into.subarray(0, count)]; })();`;
  const run = new Function(...Object.keys(names), body);
  const [graph, list] = await run(...Object.values(names));
  expect(list).toEqual(Uint32Array.of(1, 5, 9));
  expect(graph.neighbours(0, 8, new Uint32Array(1))).toBe(1);
  await engine.close();
});

test.each(['EngineOptions', 'TreeSpec', 'EngineStats'])(
  'every field of %s is on the page',
  (name) => {
    const source = readFileSync('src/lsm/engine-options.ts', 'utf8');
    const body =
      new RegExp(`export interface ${name} \\{([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? '';
    const fields = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, field]) => field);
    expect(fields.length).toBeGreaterThan(4);
    expect(fields.filter((field) => !page.includes(`\`${field}\``))).toEqual([]);
  },
);

test('the links of the page lead somewhere', () => {
  const headings = [...readFileSync('docs/format.md', 'utf8').matchAll(/^#+ (.*)$/gm)].map(
    ([, heading]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
  );
  const anchors = [...page.matchAll(/\]\(format\.md#([^)]*)\)/g)].map(([, anchor]) => anchor);
  expect(anchors.length).toBeGreaterThan(2);
  expect(anchors.filter((anchor) => !headings.includes(anchor))).toEqual([]);
});
