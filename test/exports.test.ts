/** What the package exports: the values are few and named here, and whatever is public says what it means. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import * as stratavec from '../src/index.ts';

interface Exported {
  readonly name: string;
  /** Lines of the file that declares it, and where among them. */
  readonly lines: readonly string[];
  readonly at: number;
}

// Those of the public folder first: others have names of their own.
const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort((a, b) => Number(b.startsWith('database')) - Number(a.startsWith('database')))
  .map((name) => readFileSync(posix.join('src', name.replaceAll('\\', '/')), 'utf8').split('\n'));

const exported: Exported[] = [
  ...readFileSync('src/index.ts', 'utf8').matchAll(/\{([^}]*)\} from '[^']+'/g),
].flatMap(([, list]) => {
  const names = list.split(',').map((name) => name.replace(/\btype\b/, '').trim());
  return names.filter((name) => name !== '').map(declarationOf);
});

function declarationOf(name: string): Exported {
  const declares = new RegExp(
    `^export (?:async )?(?:class|interface|type|function\\*?) ${name}\\b`,
  );
  for (const lines of files) {
    const at = lines.findIndex((line) => declares.test(line));
    if (at >= 0) return { name, lines, at };
  }
  throw new Error(`${name} is declared nowhere`);
}

test('the values that are exported are these', () => {
  expect(Object.keys(stratavec).sort()).toEqual([
    'DatabaseError',
    'hashingEmbedder',
    'inspect',
    'isDatabaseError',
    'open',
    'repair',
    'restore',
    'retry',
  ]);
});

test('what is exported says what it means', () => {
  expect(exported.length).toBeGreaterThan(60);
  const silent = exported.filter(({ lines, at }) => !lines[at - 1].endsWith('*/'));
  expect(silent.map(({ name }) => name)).toEqual([]);
});

test('so do the methods of what has some, and the options', () => {
  const silent: string[] = [];
  for (const { name, lines, at } of exported) {
    const isClass = /^export class /.test(lines[at] ?? '');
    const isOptions = name.endsWith('Options') && /^export interface /.test(lines[at] ?? '');
    if (!isClass && !isOptions) continue;
    const members = isClass ? /^ {2}(?:async |get )?(\w+)[(<]/ : /^ {2}readonly (\w+)/;
    for (let i = at + 1; lines[i] !== '}' && i < lines.length; i++) {
      const member = members.exec(lines[i])?.[1];
      if (member === undefined || member === 'constructor' || name.startsWith('Effective'))
        continue;
      if (!lines[i - 1].trim().endsWith('*/')) silent.push(`${name}.${member}`);
    }
  }
  expect(silent).toEqual([]);
});

/** Of the built package: what a compiler reads of it. */
test('its declarations lead to nothing that is not exported', () => {
  const entry = readFileSync('dist/src/index.d.ts', 'utf8');
  const known = namesIn(entry, /\{([^}]*)\}/g);
  const folders = [...entry.matchAll(/from '(\.\/database\/[^']+)\.ts'/g)].map(([, path]) => path);
  expect(folders.length).toBeGreaterThan(15);
  const leaks = folders.flatMap((path) => {
    const text = readFileSync(posix.join('dist/src', `${path}.d.ts`), 'utf8');
    const names = namesIn(text, /^import (?:type )?\{([^}]*)\}/gm);
    return names.filter((name) => !known.includes(name)).map((name) => `${path}: ${name}`);
  });
  expect(leaks).toEqual([]);
});

function namesIn(text: string, lists: RegExp): string[] {
  return [...text.matchAll(lists)]
    .flatMap(([, list]) => list.split(','))
    .map((name) => name.replace(/\btype\b/, '').trim())
    .filter((name) => name !== '');
}
