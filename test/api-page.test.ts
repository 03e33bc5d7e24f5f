/** The page of all names: nothing that is exported, no method and no option is missing, and nothing is made up. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as stratavec from '../src/index.ts';

const page = readFileSync('docs/api.md', 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
const index = readFileSync('src/index.ts', 'utf8');
const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
  // Other folders have names of their own that are the same.
  .filter((name) => /^(database|lsm|text|filter|storage|errors)\b.*\.ts$/.test(name))
  .sort((a, b) => Number(a.startsWith('database')) - Number(b.startsWith('database')))
  .map((name) => readFileSync(`src/${name}`, 'utf8'));

/** Words in code spans. */
const words = new Set(
  [...page.matchAll(/`([^`]+)`/g)].flatMap(([, code]) => code.match(/[A-Za-z]\w*/g) ?? []),
);

const exported = [...index.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) =>
  list
    .split(',')
    .map((name) => name.replace('type ', '').trim())
    .filter((name) => name !== ''),
);

/** The bodies of exported interfaces and classes, by kind and name. */
const bodies = new Map(
  source.flatMap((text) => {
    const declared = text.matchAll(/^export (interface|class) (\w+)[^{]*\{([\s\S]*?)^\}/gm);
    return [...declared].map(([, kind, name, body]) => [`${kind} ${name}`, body] as const);
  }),
);

test('every exported name is on the page', () => {
  expect(exported.length).toBeGreaterThan(60);
  expect(exported).toEqual(expect.arrayContaining(Object.keys(stratavec)));
  expect(exported.filter((name) => !words.has(name))).toEqual([]);
});

test('every field of an option, a report or a record is on the page', () => {
  // The engine's own page has those of its file system and trees.
  const elsewhere = ['FileSystem', 'TreeStats'];
  const interfaces = exported.filter(
    (name) => bodies.has(`interface ${name}`) && !elsewhere.includes(name),
  );
  expect(interfaces.length).toBeGreaterThan(30);
  const missing = interfaces.flatMap((name) => {
    const fields = [
      ...(bodies.get(`interface ${name}`) ?? '').matchAll(/^ {2,4}readonly (\w+)\??:/gm),
    ];
    return fields.map(([, field]) => field).filter((field) => !words.has(field));
  });
  expect(missing).toEqual([]);
});

const classes = [
  'Collection',
  'Database',
  'Snapshot',
  'SnapshotCollection',
  'Transaction',
  'TransactionCollection',
];

test.each(classes)('every method of %s is on the page', (name) => {
  const members = (bodies.get(`class ${name}`) ?? '').split(/\/\*\* @internal[^\n]*\n/u);
  // What stands behind an @internal comment goes no further than its own first line.
  const shown = members.map((part, i) => (i === 0 ? part : part.slice(part.indexOf('\n'))));
  const methods = [...shown.join('').matchAll(/^ {2}(?:async )?([a-z]\w*)(?:<.*>)?\(/gm)]
    .map(([, method]) => method)
    .filter((method) => method !== 'constructor');
  expect(methods.length).toBeGreaterThan(0);
  expect(methods.filter((method) => !words.has(method))).toEqual([]);
});

test('what the page calls a function, a method or an option is there', () => {
  const declared = source.join('\n');
  const named = [...page.matchAll(/^\| `(\w+)(?:\(|`)/gm)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(80);
  const unknown = named.filter((name) => !new RegExp(`\\b${name}\\b`).test(declared));
  expect(unknown).toEqual([]);
});
