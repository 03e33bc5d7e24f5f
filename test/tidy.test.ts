/**
 * The rules of the house, checked like any other behaviour.
 *
 * A rule belongs here when it is about the shape of the code and no tool that we already run can
 * see it. Each failure names the file.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';

/** Which folders of src a folder may import from, besides itself, `base` and `errors.ts`. */
const mayImport: Record<string, readonly string[]> = {
  base: [],
  storage: [],
  kernels: [],
  paged: ['kernels', 'storage'],
  hnsw: ['kernels'],
  lsm: ['kernels', 'storage'],
  text: ['lsm', 'kernels', 'storage'],
  filter: ['lsm', 'kernels', 'storage'],
  database: ['storage', 'kernels', 'hnsw', 'lsm', 'paged', 'text', 'filter'],
  server: ['index.ts'],
  cli: ['index.ts', 'server'],
};

/** `storage` is the seam to the disk; the command line reads the files that its user names. */
const mayReadFiles: readonly string[] = ['storage', 'cli'];

/** What a file at the top of src may import from: each entry exposes folders, and computes nothing. */
const entriesMayImport: Record<string, readonly string[]> = {
  'index.ts': ['database', 'text', 'errors.ts'],
  'lsm.ts': ['lsm', 'storage', 'base', 'errors.ts'],
};

const linesMax = 500;

interface SourceFile {
  readonly name: string;
  readonly text: string;
}

function filesOf(root: string, extension: string): SourceFile[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith(extension) && !name.includes('node_modules/'))
    .map((name) => ({ name, text: readFileSync(`${root}/${name}`, 'utf8') }));
}

function folderOf(name: string): string {
  return name.split('/')[0];
}

/** The module names that a file imports, statically or not. */
function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:\bfrom |\bimport |\bimport\()'([^']+)'/g)].map(([, path]) => path);
}

const source = filesOf('src', '.ts');
const ours = [
  ...source,
  ...filesOf('test', '.ts'),
  ...filesOf('bench', '.ts'),
  ...filesOf('scripts', '.mjs'),
];

test('folders import only downwards', () => {
  const broken: string[] = [];
  for (const { name, text } of source) {
    const from = folderOf(name);
    const allowed = mayImport[from];
    if (allowed === undefined) continue; // A file at the top of src.
    for (const path of importsOf(text).filter((path) => path.startsWith('.'))) {
      const to = folderOf(posix.join(posix.dirname(name), path));
      if (![from, 'base', 'errors.ts', ...allowed].includes(to)) broken.push(`${name} -> ${path}`);
    }
  }
  expect(broken).toEqual([]);
});

test('no file imports itself by way of others, not even for a type', () => {
  const names = new Set(source.map(({ name }) => name));
  const imports = new Map(
    source.map(({ name, text }) => {
      const paths = importsOf(text).map((path) => posix.join(posix.dirname(name), path));
      return [name, paths.filter((path) => names.has(path))];
    }),
  );
  // Whoever imports nobody that is left, or is imported by nobody, is in no circle.
  const left = (name: string): boolean => imports.has(name);
  for (let isDone = false; !isDone; ) {
    const wanted = new Set([...imports.values()].flat());
    const free = [...imports].filter(([name, paths]) => !wanted.has(name) || !paths.some(left));
    for (const [name] of free) imports.delete(name);
    isDone = free.length === 0;
  }
  const circles = [...imports].map(
    ([name, paths]) => `${name} -> ${paths.filter(left).join(', ')}`,
  );
  expect(circles).toEqual([]);
});

test('the entries re-export from the folders that they stand for, by name', () => {
  const entries = source.filter(({ name }) => name.endsWith('.ts') && !name.includes('/'));
  expect(entries.map(({ name }) => name).sort()).toEqual(
    ['errors.ts', ...Object.keys(entriesMayImport)].sort(),
  );
  const broken = entries
    .filter(({ name }) => name in entriesMayImport)
    .flatMap(({ name, text }) => {
      const strays = importsOf(text).filter(
        (path) =>
          path.startsWith('.') && !entriesMayImport[name].includes(folderOf(posix.normalize(path))),
      );
      const code = text.replace(/\/\*[\s\S]*?\*\/|^\/\/\/.*$/gm, '').split(';');
      const others = code.filter((line) => !/^\s*(export (type )?\{|$)/.test(line));
      return [...strays, ...others].map((what) => `${name}: ${what.trim()}`);
    });
  expect(broken).toEqual([]);
});

test('base and errors import nothing of ours', () => {
  const broken = source
    .filter(({ name }) => name === 'errors.ts' || folderOf(name) === 'base')
    .flatMap(({ name, text }) => importsOf(text).map((path) => ({ name, path })))
    .filter(({ path }) => path.startsWith('../'));
  expect(broken).toEqual([]);
});

test('every folder has a place in the order', () => {
  const folders = new Set(source.map(({ name }) => folderOf(name)));
  const unplaced = [...folders].filter((f) => !f.endsWith('.ts') && !(f in mayImport));
  expect(unplaced).toEqual([]);
});

test('only the seam to the disk touches files', () => {
  const touching = source
    .filter(({ name }) => !mayReadFiles.includes(folderOf(name)))
    .filter(({ text }) => importsOf(text).some((path) => /^(node:)?fs(\/|$)/.test(path)));
  expect(touching.map(({ name }) => name)).toEqual([]);
});

test('no file outgrows one sitting', () => {
  // What is generated is for no reader.
  const read = ours.filter(({ text }) => !text.startsWith('/** Generated by '));
  const long = read.filter(({ text }) => text.split('\n').length > linesMax);
  expect(long.map(({ name }) => name)).toEqual([]);
});

test('no leftovers, no skipped or focused test', () => {
  const leftover = /\b(TO[D]O|FIX[M]E|X{3})\b/;
  const focused = /\b(test|it|describe)\.(only|skip|todo)\(/;
  const left = ours.filter(({ text }) => leftover.test(text) || focused.test(text));
  expect(left.map(({ name }) => name)).toEqual([]);
});

test('the lock file names no registry', () => {
  const named = readFileSync('package-lock.json', 'utf8').match(/"resolved": "http[^"]*"/g);
  expect(named).toEqual(null);
});
