/**
 * Cuts a Markdown text into heading sections. The pieces cover the text: put together in order they are
 * the source, character for character. What to keep is the caller's choice.
 */
import { findHeadings, frontMatterEnd, plainText } from './markdown-headings.ts';

export interface MarkdownSection {
  /** The section's own heading, plain; '' before the first one. */
  readonly heading: string;
  /** The headings above it, outermost first. */
  readonly parents: readonly string[];
  /** Line of the source that it begins in, from 1. */
  readonly line: number;
  /** The source, heading line included in the heading's first piece. */
  readonly text: string;
  /** The text without the heading line has nothing but white space, or is front matter. */
  readonly isEmpty: boolean;
}

export interface SplitOptions {
  /** Longer sections are cut, at a blank line where there is one. Default: 2000. */
  readonly charactersMax?: number | undefined;
  /** false: plain text, where no line is a heading. Default: true. */
  readonly headings?: boolean | undefined;
}

/** The sections of `source`, in order. Their texts together are `source`. */
export function splitMarkdown(source: string, options: SplitOptions = {}): MarkdownSection[] {
  const { charactersMax = 2000, headings: hasHeadings = true } = options;
  const sections: MarkdownSection[] = [];
  const lines = new LineCounter(source);
  const add = (start: number, end: number, place: Omit<MarkdownSection, 'line' | 'text'>): void => {
    if (end > start) {
      sections.push({ ...place, line: lines.lineAt(start), text: source.slice(start, end) });
    }
  };

  const body = hasHeadings ? frontMatterEnd(source) : 0;
  add(0, body, { heading: '', parents: [], isEmpty: true });
  const headings = hasHeadings ? findHeadings(source, body) : [];
  const open: string[] = []; // Open headings by depth; holes where a depth was left out.
  let start = body;
  let bodyStart = body;
  let heading = '';
  let parents: string[] = [];
  for (const next of [...headings, undefined]) {
    const end = next?.start ?? source.length;
    for (const [from, to] of pieces(source, start, end, charactersMax)) {
      const isEmpty = source.slice(Math.max(from, bodyStart), to).trim() === '';
      add(from, to, { heading, parents, isEmpty });
    }
    if (next === undefined) break;
    start = next.start;
    bodyStart = next.end;
    heading = next.title;
    open.length = Math.min(open.length, next.depth - 1);
    parents = open.filter((title) => title !== undefined && title !== '');
    open[next.depth - 1] = heading;
  }
  return sections;
}

/** The sections worth storing. A text that is nothing but headings gives its first heading. */
export function filledSections(sections: readonly MarkdownSection[]): MarkdownSection[] {
  const filled = sections.filter(({ isEmpty }) => !isEmpty);
  if (filled.length > 0) return filled;
  const titled = sections.find(({ heading }) => heading !== '');
  return titled === undefined ? [] : [titled];
}

/**
 * What a reader sees of a section, on one line: no heading line, no marks, and from the first place where
 * one of `words` (lower case) begins, if that is far in.
 */
export function snippet(text: string, words: readonly string[], charactersMax: number): string {
  const [heading] = findHeadings(text, 0);
  const body = heading?.start === 0 ? text.slice(heading.end) : text;
  const plain = withoutLines(plainText(body)) || withoutLines(plainText(text));
  const lower = plain.toLowerCase();
  const places = words.map((word) => lower.indexOf(word)).filter((place) => place >= 0);
  const first = places.length === 0 ? 0 : Math.min(...places);
  if (first < charactersMax / 2) return plain;
  const start = plain.lastIndexOf(' ', first - 20) + 1;
  return start === 0 ? plain : `…${plain.slice(start)}`;
}

/** The lines of tables and rules say nothing in running text. */
function withoutLines(plain: string): string {
  return plain
    .replace(/[-=:*]{3,}|[|]/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim();
}

/** Ranges of at most `charactersMax` that cover start..end. */
function* pieces(
  source: string,
  start: number,
  end: number,
  charactersMax: number,
): Generator<[number, number]> {
  let from = start;
  while (end - from > charactersMax) {
    const to = cutBetween(source, from + (charactersMax >> 1), from + charactersMax);
    yield [from, to];
    from = to;
  }
  yield [from, end];
}

/** The best place to cut in low..high: behind a blank line, a line, a space; else at high. */
function cutBetween(source: string, low: number, high: number): number {
  const window = source.slice(low, high);
  for (const boundary of ['\n\n', '\n\r\n', '\n', ' ']) {
    const found = window.lastIndexOf(boundary);
    if (found >= 0) return low + found + boundary.length;
  }
  const unit = source.charCodeAt(high - 1);
  const isPairCut = unit >= 0xd800 && unit <= 0xdbff && high - 1 >= low;
  return isPairCut ? high - 1 : high;
}

/** Line numbers of ascending offsets. */
class LineCounter {
  readonly #source: string;
  #offset = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  lineAt(offset: number): number {
    for (;;) {
      const next = this.#source.indexOf('\n', this.#offset);
      if (next === -1 || next >= offset) return this.#line;
      this.#offset = next + 1;
      this.#line++;
    }
  }
}
