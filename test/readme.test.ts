/** The pages for users: their sessions print what stands beside them, their links lead somewhere, their tables are whole. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as stratavec from '../src/index.ts';
import { sessionsOf } from './page-session.ts';
import { tempDir } from './temp-dir.ts';

const readme = readFileSync('README.md', 'utf8');
const pages = ['README.md', 'docs/search.md', 'docs/transactions.md'];

describe.each(pages)('%s', (page) => {
  test('prints what it says', async () => {
    await using directory = await tempDir();
    const sessions = sessionsOf(page);
    expect(sessions.length).toBeGreaterThan(0);
    for (const { run, said } of sessions) expect(await run(directory.path)).toEqual(said);
  });
});

test('the tour shows what it does', () => {
  expect(sessionsOf('README.md')[0].said.length).toBeGreaterThan(10);
});

test.each([
  'README.md',
  'docs/search.md',
  'docs/transactions.md',
  'docs/operations.md',
  'docs/filters.md',
  'docs/api.md',
])('the links of %s lead somewhere', (page) => {
  const folder = page.startsWith('docs/') ? 'docs/' : '';
  const text = readFileSync(page, 'utf8');
  const targets = [...text.matchAll(/\]\(([^):]+)\)/g)].map(([, target]) => target);
  const dead = targets.filter((target) => {
    const [file, anchor] = target.split('#');
    const path = file === '' ? page : `${folder}${file}`;
    if (!existsSync(path)) return true;
    return anchor !== undefined && !anchorsOf(path).includes(anchor);
  });
  expect(dead).toEqual([]);
});

function anchorsOf(page: string): string[] {
  const headings = readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
}

test('every error code is in the table of errors', () => {
  const codes = [...readFileSync('src/errors.ts', 'utf8').matchAll(/^ {2}\| '([A-Z_]+)'/gm)];
  expect(codes.length).toBeGreaterThan(5);
  expect(codes.map(([, code]) => code).filter((code) => !readme.includes(`\`${code}\``))).toEqual(
    [],
  );
});

/** The fields of an interface, with the last sentence of each doc: its default. */
function fieldsOf(name: string): { field: string; doc: string }[] {
  const source = readFileSync('src/database/options.ts', 'utf8');
  const body = new RegExp(`export interface ${name} \\{([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? '';
  return [...body.matchAll(/\/\*\*([\s\S]*?)\*\/\s*readonly (\w+)/g)].map(([, doc, field]) => ({
    field,
    doc: doc.replaceAll(/\s*\*\s*/g, ' '),
  }));
}

describe.each(['DatabaseOptions', 'CollectionOptions'])('%s', (name) => {
  const rows = readme.split('\n').filter((line) => line.startsWith('| `'));
  const fields = fieldsOf(name).filter(({ doc }) => !doc.includes('Not supported yet.'));

  test('is in the table, each option once', () => {
    expect(fields.length).toBeGreaterThan(9);
    const wrong = fields.filter(
      ({ field }) => rows.filter((row) => row.split('|')[1].includes(`\`${field}\``)).length !== 1,
    );
    expect(wrong).toEqual([]);
  });

  test('has the defaults of its docs there', () => {
    const wrong = fields.filter(({ field, doc }) => {
      const written = /Default: ('?[\w.,]+?'?)(?:[.,;]? |\.$|$)/.exec(doc)?.[1].replaceAll(',', '');
      const row = rows.find((line) => line.split('|')[1].includes(`\`${field}\``)) ?? '';
      const [, names, defaults] = row.split('|');
      const position = names.split(',').findIndex((part) => part.includes(`\`${field}\``));
      const parts = defaults.replaceAll('`', '').split(', ');
      const shown = (parts[position] ?? '').trim().replaceAll(',', '');
      if (written === undefined || /^(the|they)$/.test(written))
        return shown === '' && field !== 'dimension';
      return shown !== written && !(field === 'memoryBytes' && written === '268435456');
    });
    expect(wrong).toEqual([]);
  });
});

test('what is exported is used or named on a page', () => {
  const text = [...pages, 'docs/operations.md', 'docs/filters.md']
    .map((page) => readFileSync(page, 'utf8'))
    .join('\n');
  const values = Object.keys(stratavec).filter((name) => /^[a-z]/.test(name));
  expect(values.filter((name) => !text.includes(name))).toEqual([]);
});
