/**
 * Finds the headings of a Markdown text: `# ATX`, setext (underlined by `===` or `---`) and one-line
 * `<h1>` elements. Lines in fenced code and in front matter are never headings.
 */

export interface MarkdownHeading {
  /** Offset in the source of the heading's first line. */
  readonly start: number;
  /** Offset behind the heading's last line. */
  readonly end: number;
  /** 1 to 6. */
  readonly depth: number;
  /** Without marks, links and HTML. May be empty. */
  readonly title: string;
}

const atx = /^ {0,3}(#{1,6})(?=[ \t]|$)/u;
const setext = /^ {0,3}(=+|-{2,})[ \t]*$/u;
const html = /^ {0,3}<h([1-6])(?:\s[^>]*)?>(.*)<\/h\1>/iu;
const fence = /^\s*(`{3,}|~{3,})(.*)$/u;
// What can stand over a line of dashes without being a paragraph: lists, quotes, tables, HTML, rules.
const noParagraph = /^\s*(?:$|[-*+>|<#]|\d+[.)]|\s{4})/u;

const titleSourceMax = 1000;
const entities: Readonly<Record<string, string>> = {
  '&nbsp;': ' ',
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

/** The end of the YAML (`---`) or TOML (`+++`) block that `source` begins with, or 0. */
export function frontMatterEnd(source: string): number {
  const match = /^\ufeff?(---|\+\+\+)[ \t]*\r?\n/u.exec(source);
  if (match === null) return 0;
  const close = match[1] === '---' ? /^(?:---|\.\.\.)[ \t]*\r?$/gmu : /^\+\+\+[ \t]*\r?$/gmu;
  close.lastIndex = match[0].length;
  const end = close.exec(source);
  if (end === null) return 0;
  const behind = end.index + end[0].length;
  return source[behind] === '\n' ? behind + 1 : behind;
}

/** The headings of `source` from offset `from`, in order. */
export function findHeadings(source: string, from: number): MarkdownHeading[] {
  const headings: MarkdownHeading[] = [];
  let openFence = '';
  let previous = ''; // The line before, and where it starts; '' at the start and behind headings.
  let previousStart = from;
  let beforePrevious = '';
  for (let start = from; start < source.length; ) {
    const lineEnd = source.indexOf('\n', start);
    const end = lineEnd === -1 ? source.length : lineEnd + 1;
    const line = source.slice(start, end).replace(/\r?\n$/u, '');
    const wasFenced = openFence !== '';
    openFence = fenceAfter(line, openFence);
    let heading: MarkdownHeading | undefined;
    if (!wasFenced && openFence === '') {
      heading =
        headingOfLine(line, start, end) ??
        headingOfUnderline(line, { text: previous, start: previousStart }, beforePrevious, end);
    }
    if (heading !== undefined) headings.push(heading);
    const isText = heading === undefined && !wasFenced && openFence === '';
    beforePrevious = isText ? previous : '';
    previous = isText ? line : '';
    previousStart = start;
    start = end;
  }
  return headings;
}

/** The fence that is open behind `line`: the string that opened it, or ''. */
function fenceAfter(line: string, open: string): string {
  const match = fence.exec(line);
  if (match === null) return open;
  const [, marks, info] = match;
  if (open === '') return marks[0] === '`' && info.includes('`') ? '' : marks;
  const closes = marks[0] === open[0] && marks.length >= open.length && info.trim() === '';
  return closes ? '' : open;
}

function headingOfLine(line: string, start: number, end: number): MarkdownHeading | undefined {
  const mark = atx.exec(line);
  if (mark !== null) {
    const title = plainText(line.slice(mark[0].length, titleSourceMax)).replace(/\s*#+$/u, '');
    return { start, end, depth: mark[1].length, title };
  }
  const element = html.exec(line);
  if (element === null) return undefined;
  const title = plainText(element[2].slice(0, titleSourceMax));
  return title === '' ? undefined : { start, end, depth: Number(element[1]), title };
}

/** A one-line paragraph over a line of `=` or `-` is a heading. */
function headingOfUnderline(
  line: string,
  above: { text: string; start: number },
  beforeAbove: string,
  end: number,
): MarkdownHeading | undefined {
  const mark = setext.exec(line);
  if (mark === null || noParagraph.test(above.text) || beforeAbove.trim() !== '') return undefined;
  const title = plainText(above.text.slice(0, titleSourceMax));
  if (title === '') return undefined;
  return { start: above.start, end, depth: mark[1][0] === '=' ? 1 : 2, title };
}

/** `text` on one line without Markdown's marks: images and HTML go, links keep their words. */
export function plainText(text: string): string {
  return text
    .replace(/<!--[\s\S]*?-->/gu, ' ')
    .replace(/<\/?[a-z][^<>]*>/giu, ' ')
    .replace(/!\[[^[\]]*\](?:\([^()]*\)|\[[^[\]]*\])/gu, ' ')
    .replace(/\[([^[\]]*)\](?:\([^()]*\)|\[[^[\]]*\])/gu, '$1')
    .replace(/(^|\s)(?:#{1,6}|>+|[-*+]|`{3,}\w*|~{3,}\w*)(?=\s|$)/gu, '$1')
    .replace(/\*\*|__|`/gu, '')
    .replace(/&(?:nbsp|amp|lt|gt|quot|#39);/gu, (entity) => entities[entity])
    .replace(/\s+/gu, ' ')
    .trim();
}
