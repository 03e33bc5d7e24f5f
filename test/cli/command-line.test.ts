/** What happens before a database is touched: arguments, help, numbers, progress, printable text. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseArguments } from '../../src/cli/arguments.ts';
import { CommandError } from '../../src/cli/command-error.ts';
import { figureLines } from '../../src/cli/figures.ts';
import { formatBytes, formatCount, formatMs } from '../../src/cli/human.ts';
import { printable, printableJson, printableLines, shorten } from '../../src/cli/printable.ts';
import { ProgressBar, progressLine } from '../../src/cli/progress.ts';
import { idsMeantBy } from '../../src/cli/record-ids.ts';
import { shownId } from '../../src/cli/record-output.ts';
import { sampleQuestions } from '../../src/cli/sample-questions.ts';
import { stratavecHere } from './stratavec.ts';

const spec = {
  positionals: [
    { name: 'DIR', help: 'the folder' },
    { name: 'ID', help: 'the id', optional: true },
  ],
  options: {
    collection: { kind: 'value', short: 'c', value: 'NAME', help: '' },
    k: { kind: 'value', short: 'k', value: 'N', help: '' },
    exact: { kind: 'flag', help: '' },
    metric: { kind: 'value', help: '' },
    help: { kind: 'flag', short: 'h', help: '' },
  },
} as const;

function refusal(...argv: string[]): string {
  try {
    const given = parseArguments(argv, spec);
    given.integer('k', 1);
    given.choice('metric', ['cosine', 'l2', 'dot']);
    given.text('collection');
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    expect((error as CommandError).exitCode).toBe(2);
    return (error as CommandError).message;
  }
  return 'accepted';
}

test('options are understood in all their spellings', () => {
  for (const argv of [
    ['d', '-k', '5', '--exact', '-c', 'notes'],
    ['-k5', '--collection=notes', 'd', '--exact'],
    ['--exact', '--k', '5', '--collection', 'notes', '--', 'd'],
  ]) {
    const given = parseArguments(argv, spec);
    expect(given.positionals).toEqual(['d']);
    expect(given.integer('k', 1)).toBe(5);
    expect(given.text('collection')).toBe('notes');
    expect(given.flag('exact')).toBe(true);
  }
  expect(parseArguments(['d', '-k', '10_000'], spec).integer('k', 1)).toBe(10_000);
  expect(parseArguments(['--help'], spec).flag('help')).toBe(true);
});

test('a wrong command line is refused with what was meant', () => {
  expect(refusal()).toMatch(/DIR is missing/);
  expect(refusal('')).toMatch(/DIR is empty/);
  expect(refusal('d', 'i', 'x')).toMatch(/unexpected argument "x"/);
  expect(refusal('d', '--colection', 'x')).toMatch(/--colection; did you mean --collection\?/);
  expect(refusal('d', '--zzz')).toMatch(/known are --collection/);
  expect(refusal('d', '--constructor')).toMatch(/unknown option/);
  expect(refusal('d', '--exact=1')).toMatch(/takes no value/);
  expect(refusal('d', '--collection')).toMatch(/needs a value: --collection NAME/);
  expect(refusal('d', '--collection', '--exact')).toMatch(/needs a value/);
  expect(refusal('d', '--collection=')).toMatch(/got nothing/);
  for (const k of ['0', '-3', '1.5', 'ten', '1e3', '99999999999999999999']) {
    expect(refusal('d', '-k', k)).toMatch(
      /(^| )-k: expected a whole number of at least 1|needs a value/,
    );
  }
  expect(refusal('d', '--metric', 'cosin')).toMatch(/did you mean cosine/);
  expect(refusal('d', '--metric', 'taxi')).toMatch(/expected cosine, l2, dot/);
});

test('help goes to standard output with exit code 0, for each command too', async () => {
  const { code, out } = await stratavecHere('--help');
  expect(code).toBe(0);
  for (const name of ['quickstart', 'create', 'import', 'search', 'get', 'stats', 'check']) {
    expect(out).toContain(`\n  ${name}`);
    const help = await stratavecHere(name, '--help');
    expect(help.code).toBe(0);
    expect(help.out).toMatch(new RegExp(`^Usage: stratavec ${name}`));
    expect(help.out).toContain('--json');
    expect((await stratavecHere('help', name)).out).toBe(help.out);
  }
  expect((await stratavecHere('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('bad usage is one line on standard error with exit code 2', async () => {
  expect((await stratavecHere()).code).toBe(2);
  for (const argv of [
    ['serach', 'd'],
    ['--json', 'search'],
    ['search', 'd', '--txet', 'x'],
    ['search', 'd'],
    ['search', 'd', '--text', 'a', '--id', 'b'],
    ['search', 'd', '--vector', 'a'],
    ['search', 'd', '--vector', '["a"]'],
    ['create', 'd', '--collection', 'c'],
    ['create', 'd', '--dimension', '4'],
    ['get', 'd'],
    ['import', 'd', '/dev/null'],
  ]) {
    const { code, out, err } = await stratavecHere(...argv);
    expect([argv, code, out]).toEqual([argv, 2, '']);
    expect(err).toMatch(/^stratavec: .*--help`\n$/);
  }
  expect((await stratavecHere('serach')).err).toContain('did you mean search?');
});

test('with --json an error is an object on standard output', async () => {
  const { code, out, err } = await stratavecHere(
    'search',
    'd',
    '--k',
    '0',
    '--text',
    'a',
    '--json',
  );
  expect([code, err]).toEqual([2, '']);
  expect(JSON.parse(out)).toMatchObject({ error: { code: 'USAGE' } });
});

test('numbers come with units', () => {
  expect([0, 1023, 1536, 5 * 1024 ** 2, 3e15].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.50 KiB',
    '5.00 MiB',
    '2728 TiB',
  ]);
  expect([0.0123, 12.345, 1500, 83_000, 7_400_000].map(formatMs)).toEqual([
    '12.3 µs',
    '12.3 ms',
    '1.50 s',
    '1 min 23 s',
    '2 h 3 min',
  ]);
  expect([formatCount(1, 'hit'), formatCount(12_345, 'hit')]).toEqual(['1 hit', '12,345 hits']);
});

test('figures take their unit from their name', () => {
  const figures = {
    disk: { totalBytes: 2048, bytesRead: 1, partBytes: { log: 1024 } },
    longestSliceMs: 2,
    trees: [
      {
        id: 1,
        name: 'a',
        levels: [
          { tables: 2, bytes: 1024 },
          { tables: 0, bytes: 0 },
        ],
      },
      { id: 2, name: 'b', levels: [{ tables: 0, bytes: 0 }] },
    ],
    graph: [{ collection: 'notes', vectors: 3 }],
    isPending: false,
  };
  expect(figureLines(figures)).toEqual([
    'disk',
    '  total  2.00 KiB',
    '  read   1 B',
    '  part',
    '    log  1.00 KiB',
    'longest slice  2.00 ms',
    'trees',
    '  a',
    '    levels',
    '      0  tables 2, bytes 1.00 KiB',
    'graph',
    '  notes  vectors 3',
    'is pending     no',
  ]);
});

test('the progress line fits its terminal, at every moment', () => {
  const state = fc.record({
    label: fc.constant('Importing'),
    noun: fc.constant('record'),
    done: fc.nat(),
    total: fc.option(fc.nat(), { nil: undefined }),
    share: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    elapsedMs: fc.double({ min: 0, max: 1e8, noNaN: true }),
  });
  fc.assert(
    fc.property(state, fc.integer({ min: 20, max: 200 }), (given, columns) => {
      expect([...progressLine(given, columns)].length).toBeLessThan(columns);
      expect(progressLine(given, columns)).not.toMatch(/NaN|Infinity|undefined/);
    }),
  );
  const half = { label: 'Importing', noun: 'record', done: 500, total: 1000, elapsedMs: 2000 };
  expect(progressLine(half, 120)).toBe(
    'Importing  ████████████░░░░░░░░░░░░   50%  500 records  250 records/s  2.00 s left',
  );
});

test('a progress bar draws on a terminal only, and clears up', () => {
  let text = '';
  const write = (part: string): void => {
    text += part;
  };
  const piped = new ProgressBar({ write }, 'Importing', 'record');
  piped.update(1, { total: 2 });
  piped.clear();
  expect(text).toBe('');
  const drawn = new ProgressBar({ isTTY: true, columns: 60, write }, 'Importing', 'record');
  drawn.update(1, { total: 2 });
  drawn.update(2, { total: 2 }); // Too soon to be drawn.
  drawn.clear();
  expect(text.split('\r').length - 1).toBe(2);
  expect(text.endsWith('\r\u001b[K')).toBe(true);
});

test('nothing that is printed can steer the terminal', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });
  const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
  fc.assert(
    fc.property(text, (given) => {
      expect(printable(given)).not.toMatch(steering);
      expect(printableLines(given).replaceAll('\n', '')).not.toMatch(steering);
      expect(printableJson({ given })).not.toMatch(steering);
      expect(JSON.parse(printableJson({ given }))).toEqual({ given });
    }),
  );
  expect(printableJson(['\u009b', '\u202e', 1n])).toBe('["\\u009b","\\u202e","1"]');
  expect(printable('a\u001b[31mred\n b\u202e')).toBe('a\ufffd[31mred b');
});

test('a shortened text is whole characters and says that it was cut', () => {
  expect(shorten('abc', 3)).toBe('abc');
  expect(shorten('abcd', 3)).toBe('ab…');
  expect(shorten('😀😀😀', 3)).toBe('😀😀😀');
  expect(shorten('😀😀😀', 2)).toBe('😀…');
});

test('digits mean a number first, and are shown apart from a string of digits', () => {
  expect(idsMeantBy('17')).toEqual([17, '17']);
  expect(idsMeantBy('9007199254740993')).toEqual([9007199254740993n, '9007199254740993']);
  expect(idsMeantBy('007')).toEqual(['007']);
  expect(idsMeantBy('a#1')).toEqual(['a#1']);
  expect([shownId(17), shownId('17'), shownId(5n), shownId('a\u001b')]).toEqual([
    '17',
    '"17"',
    '5',
    'a\ufffd',
  ]);
});

test('sample questions need nothing, and use telling headings where there are some', () => {
  expect(sampleQuestions([])).toHaveLength(3);
  const questions = sampleQuestions([
    'License',
    'Writing a plugin',
    'Installation of x',
    '',
    '1.0',
  ]);
  expect(questions.slice(3)).toEqual(['Writing a plugin']);
});
