/** Splitting Markdown: whatever the text, the pieces cover it; and headings are what a reader calls headings. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainText } from '../../src/cli/formats/markdown-headings.ts';
import { filledSections, snippet, splitMarkdown } from '../../src/cli/formats/markdown-sections.ts';

const line = fc.oneof(
  fc.constantFrom(
    '# One',
    '## Two',
    '### Three ###',
    'Title',
    '=====',
    '---',
    '```js',
    '```',
    '~~~~',
  ),
  fc.constantFrom('', '   ', '- item', '> quote', '<h1 align="center">Big</h1>', '# not a heading'),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: fc.constantFrom('a', ' ', '\ud83d\ude00', '#', '\r', '\t'), maxLength: 90 }),
);
const source = fc
  .tuple(fc.array(line, { maxLength: 40 }), fc.constantFrom('\n', '\r\n'))
  .map(([lines, end]) => lines.join(end));

test('the sections together are the source, in pieces that are not too long', () => {
  fc.assert(
    fc.property(source, fc.integer({ min: 2, max: 200 }), (text, charactersMax) => {
      const sections = splitMarkdown(text, { charactersMax });
      expect(sections.map((section) => section.text).join('')).toBe(text);
      for (const section of sections) {
        expect(section.text.length).toBeGreaterThan(0);
        const isFrontMatter = section === sections[0] && section.isEmpty;
        if (!isFrontMatter) expect(section.text.length).toBeLessThanOrEqual(charactersMax);
        if (text.isWellFormed()) expect(section.text.isWellFormed()).toBe(true);
      }
    }),
  );
});

test('each section says the line that it begins in', () => {
  fc.assert(
    fc.property(source, (text) => {
      let offset = 0;
      for (const section of splitMarkdown(text, { charactersMax: 50 })) {
        expect(section.line).toBe(text.slice(0, offset).split('\n').length);
        offset += section.text.length;
      }
    }),
  );
});

function headings(text: string): string[] {
  return splitMarkdown(text).flatMap(({ heading }) => (heading === '' ? [] : [heading]));
}

test('headings of all three kinds are found, with those above them', () => {
  const text = [
    'intro',
    '# One #',
    '',
    'Two',
    '---',
    'b',
    '#### Deep `code` [link](http://x)',
    'c',
    '<h2 id="x">Three <b>bold</b></h2>',
    'd',
  ].join('\n');
  const sections = splitMarkdown(text);
  expect(sections.map(({ heading, line, parents }) => [heading, line, ...parents])).toEqual([
    ['', 1],
    ['One', 2],
    ['Two', 4, 'One'],
    ['Deep code link', 7, 'One', 'Two'],
    ['Three bold', 9, 'One'],
  ]);
});

test('a fence hides its lines, also in lists and with other fences inside', () => {
  expect(headings('# A\n```sh\n# no\n```\n# B')).toEqual(['A', 'B']);
  expect(headings('# A\n````\n```\n# no\n````\n# B')).toEqual(['A', 'B']);
  expect(headings('- x\n\n      ~~~\n# no\n      ~~~\n# B')).toEqual(['B']);
  expect(headings('# A\n```\n# never closed')).toEqual(['A']);
  expect(headings('```not a fence``` text\n# B')).toEqual(['B']);
});

test('what only looks like a heading is none', () => {
  expect(headings('#tag\n####### seven\n    # code\n\n- item\n---\n\ntwo\nlines\n---\n')).toEqual(
    [],
  );
});

test('front matter is left out, an open one is text', () => {
  const text = '---\ntitle: x\n# no heading\n---\n# A\nbody';
  const sections = splitMarkdown(text);
  expect(sections[0]).toMatchObject({ isEmpty: true, line: 1 });
  expect(filledSections(sections).map(({ heading, line }) => [heading, line])).toEqual([['A', 5]]);
  expect(splitMarkdown('---\nno end').every(({ isEmpty }) => !isEmpty)).toBe(true);
});

test('empty sections are skipped; a file of headings only keeps its first', () => {
  const filled = filledSections(splitMarkdown('# A\n\n## B\ntext\n## C\n  \n'));
  expect(filled.map(({ heading }) => heading)).toEqual(['B']);
  expect(filledSections(splitMarkdown('# A\n\n## B\n')).map(({ heading }) => heading)).toEqual([
    'A',
  ]);
  expect(filledSections(splitMarkdown(' \n\n'))).toEqual([]);
});

test('a long section is cut between paragraphs', () => {
  const paragraph = `${'word word word word\n'.repeat(15)}\n`;
  const sections = splitMarkdown(`# A\n${paragraph.repeat(20)}`);
  expect(sections.length).toBeGreaterThan(2);
  for (const section of sections) {
    expect(section.heading).toBe('A');
    expect(section.text.endsWith('\n\n')).toBe(true);
  }
});

test('plain text has no headings', () => {
  expect(splitMarkdown('# A\n---\nB', { headings: false }).map(({ heading }) => heading)).toEqual([
    '',
  ]);
});

test('a snippet has no marks and begins near the words that were asked for', () => {
  const text = `# Title\n[![badge](a)](b) Some **bold** [link](http://x). ${'filler '.repeat(60)} the needle here`;
  expect(snippet(text, [], 80)).toMatch(/^Some bold link\./);
  expect(snippet(text, ['needle'], 80)).toMatch(/^….*the needle here$/);
  expect(snippet('# Title only', [], 80)).toBe('Title only');
});

test('plain text takes time in proportion to its input', () => {
  for (const part of ['<!--', '![', '[a](', '<a', '`', '# ', '**']) {
    expect(plainText(part.repeat(20_000)).length).toBeLessThanOrEqual(part.length * 20_000);
  }
});
