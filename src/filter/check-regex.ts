/**
 * Which patterns `$regex` takes. They run on V8's backtracking engine, which for some patterns takes time that doubles
 * with each character of a text: those are refused as far as their form shows it. A group that repeats may
 * hold nothing that can match in two ways: no quantifier of varying count, and no alternatives that may begin
 * alike. References to groups are refused. What is left is polynomial; the length of patterns is bounded.
 */
import { invalidFilter } from './read-json.ts';

/** Code units. */
export const REGEX_LENGTH_MAX = 256;

/** Quantifiers without an upper bound in one pattern: each may add a power to its cost. */
const UNBOUNDED_MAX = 10;

/** Throws `INVALID_ARGUMENT` when the pattern does not compile or may take exponential time. */
export function checkRegex(source: string, flags: string, at: string): void {
  if (source.length > REGEX_LENGTH_MAX) {
    throw invalidFilter(
      at,
      `expected a pattern of at most ${REGEX_LENGTH_MAX} characters, got ${source.length}`,
    );
  }
  try {
    new RegExp(source, flags);
  } catch (cause) {
    throw invalidFilter(at, `expected a regular expression: ${(cause as Error).message}`);
  }
  const problem = new PatternScan(source, flags.includes('u')).problem();
  if (problem !== undefined) throw invalidFilter(at, `${problem}; such patterns can take for ever`);
}

interface Group {
  /** Whether it can match one text in several ways, or texts of several lengths. */
  isVariable: boolean;
  /** First characters of its alternatives; undefined where one may begin with many. */
  readonly firsts: (string | undefined)[];
  /** Whether the alternative under way has begun. */
  hasBegun: boolean;
}

/** One pass over a pattern that compiles. */
class PatternScan {
  readonly #source: string;
  /** One escape: with the flag u, braces may belong to it; without, they are a quantifier. */
  readonly #escape: RegExp;
  #position = 0;
  #unbounded = 0;

  constructor(source: string, isUnicode: boolean) {
    this.#source = source;
    this.#escape = isUnicode ? /^\\(?:[pPu]\{[^}]*\}|[\s\S])/ : /^\\[\s\S]/;
  }

  problem(): string | undefined {
    const groups: Group[] = [newGroup()];
    while (this.#position < this.#source.length) {
      const group = groups[groups.length - 1];
      const char = this.#source[this.#position];
      if (char === '(') {
        begin(group, undefined);
        groups.push(newGroup());
        this.#skipGroupHead();
      } else if (char === '|') {
        this.#position++;
        if (!group.hasBegun) group.firsts.push(undefined);
        group.hasBegun = false;
      } else if (char === ')') {
        this.#position++;
        groups.pop();
        const isAmbiguous = group.isVariable || areAmbiguous(group);
        if (this.#quantifier(isAmbiguous)) return 'a group that repeats matches in several ways';
        const outer = groups[groups.length - 1];
        if (isAmbiguous || this.#isVarying) outer.isVariable = true;
      } else {
        if (this.#isReference()) return 'a reference to a group';
        begin(group, this.#atom());
        this.#quantifier(false);
        if (this.#isVarying) group.isVariable = true;
      }
    }
    return this.#unbounded > UNBOUNDED_MAX ? `more than ${UNBOUNDED_MAX} of * and +` : undefined;
  }

  /** Whether the last quantifier allows several counts. */
  #isVarying = false;

  /** Reads the quantifier that may follow; whether it repeats something ambiguous. */
  #quantifier(isAmbiguous: boolean): boolean {
    const match = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#source.slice(this.#position));
    this.#isVarying = false;
    if (match === null) return false;
    const [text, from, comma, to] = match;
    this.#position += text.length;
    const max = maxOf(text, from, comma, to);
    this.#isVarying = from === undefined || (comma !== '' && Number(from) !== max);
    if (max === Number.POSITIVE_INFINITY) this.#unbounded++;
    return isAmbiguous && max > 1;
  }

  /** Reads one character, escape or class; the character when it is just that one. */
  #atom(): string | undefined {
    const source = this.#source;
    const escaped = this.#escape.exec(source.slice(this.#position));
    if (escaped !== null) {
      this.#position += escaped[0].length;
      return /[a-zA-Z0-9]/.test(escaped[0][1]) ? undefined : escaped[0][1];
    }
    const char = source[this.#position++];
    if (char === '[') {
      while (this.#position < source.length && source[this.#position] !== ']') {
        this.#position += source[this.#position] === '\\' ? 2 : 1;
      }
      this.#position++;
      return undefined;
    }
    return '.^$'.includes(char) ? undefined : char.toLowerCase();
  }

  #isReference(): boolean {
    return /^\\(?:[1-9]|k<)/.test(this.#source.slice(this.#position));
  }

  /** `(`, and `?:`, `?=`, `?!`, `?<=`, `?<!` or `?<name>`. */
  #skipGroupHead(): void {
    const head = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/.exec(this.#source.slice(this.#position));
    this.#position += head === null ? 1 : head[0].length;
  }
}

function newGroup(): Group {
  return { isVariable: false, firsts: [], hasBegun: false };
}

function begin(group: Group, first: string | undefined): void {
  if (!group.hasBegun) group.firsts.push(first);
  group.hasBegun = true;
}

/** Whether two alternatives may begin with the same character. */
function areAmbiguous({ firsts, hasBegun }: Group): boolean {
  const count = hasBegun ? firsts.length : firsts.length + 1;
  if (count < 2) return false;
  return !hasBegun || firsts.includes(undefined) || new Set(firsts).size < firsts.length;
}

function maxOf(text: string, from?: string, comma?: string, to?: string): number {
  if (from === undefined) return text.startsWith('?') ? 1 : Number.POSITIVE_INFINITY;
  if (comma === '') return Number(from);
  return to === '' ? Number.POSITIVE_INFINITY : Number(to);
}
