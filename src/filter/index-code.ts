/**
 * What an index knows a value by: a code of 64 bits, as two u32, whose unsigned order is that of the values.
 *
 *   number   the bits of the f64, the sign bit turned round, all bits of a negative one; -0 is 0
 *   boolean  0, or 0x80000000 and 0
 *   keyword  two hashes of the string: equal strings only, no order
 *   date     a number of ms: its f64 code, shifted right by one; a string: bit 63, then year (14 bits), month, day, hour,
 *            minute, second (7 each), ms (10), 4 zeros, as written: see `dateCode`. Several strings may share a code
 *   others   0xffffffff and a MARK: values of other types than the field's, arrays, objects, null
 */
import type { Hasher } from '../base/hasher.ts';

/** What the values of an indexed field are; arrays of them are indexed by each element. */
export type FieldType = 'keyword' | 'number' | 'boolean' | 'date';

export const FIELD_TYPES: readonly FieldType[] = ['keyword', 'number', 'boolean', 'date'];

export interface Code {
  readonly high: number;
  readonly low: number;
}

/** `high` of the marks; no code of a value has it. */
export const MARK = 0xffffffff;
export const MARK_NULL = 0;
/** A string, number or boolean that is none of the field's type. */
export const MARK_OTHER = 1;
export const MARK_ARRAY = 2;
export const MARK_OBJECT = 3;

export const FIRST_CODE: Code = { high: 0, low: 0 };
/** The last one that can be a value's. */
export const LAST_CODE: Code = { high: MARK - 1, low: 0xffffffff };

const HIGH_SEED = 0x666c6431;
const LOW_SEED = 0x666c6432;
const encoder = new TextEncoder();
const view = new DataView(new ArrayBuffer(8));

/** The code of a value in a field of that type; a mark when it is of another type. */
export function codeOf(type: FieldType, value: unknown, hasher: Hasher): Code {
  if (value === null) return { high: MARK, low: MARK_NULL };
  if (Array.isArray(value)) return { high: MARK, low: MARK_ARRAY };
  if (typeof value === 'object') return { high: MARK, low: MARK_OBJECT };
  if (type === 'number' && typeof value === 'number') return numberCode(value);
  if (type === 'keyword' && typeof value === 'string') return keywordCode(value, hasher);
  if (type === 'boolean' && typeof value === 'boolean') return booleanCode(value);
  if (type === 'date' && typeof value === 'number') return timeCode(value);
  if (type === 'date' && typeof value === 'string') return dateCode(value);
  return { high: MARK, low: MARK_OTHER };
}

/** Whether values of one code are equal, hashes aside: others than dates are. */
export function isExactType(type: FieldType): boolean {
  return type !== 'date';
}

export function numberCode(value: number): Code {
  view.setFloat64(0, value + 0);
  const high = view.getUint32(0);
  const low = view.getUint32(4);
  if (value === 0) return { high: 0x80000000, low: 0 };
  if (high >= 0x80000000) return { high: ~high >>> 0, low: ~low >>> 0 };
  return { high: (high | 0x80000000) >>> 0, low };
}

function booleanCode(value: boolean): Code {
  return { high: value ? 0x80000000 : 0, low: 0 };
}

export function keywordCode(value: string, hasher: Hasher): Code {
  const bytes = encoder.encode(value);
  const high = hasher.hash32(bytes, HIGH_SEED);
  return { high: high === MARK ? MARK - 1 : high, low: hasher.hash32(bytes, LOW_SEED) };
}

/** Ms since 1970; below the codes of strings. */
function timeCode(value: number): Code {
  const { high, low } = numberCode(value);
  return { high: high >>> 1, low: ((high << 31) | (low >>> 1)) >>> 0 };
}

const TEMPLATE = '0000-00-00T00:00:00.000';
/** Of the template: where its numbers begin, and end. */
const PARTS = [
  [0, 4],
  [5, 7],
  [8, 10],
  [11, 13],
  [14, 16],
  [17, 19],
  [20, 23],
] as const;

/**
 * The order of the codes is that of the strings by code unit: of two, the smaller has no larger code. What
 * follows the template `0000-00-00T00:00:00.000` counts for nothing; from the first character that does not fit it,
 * digits are 0 where that character, or the end, comes before one that fits, else 9.
 */
export function dateCode(text: string): Code {
  const digits = fittingDigits(text);
  const [year, month, day, hour, minute, second, ms] = PARTS.map(([from, to]) =>
    Number(digits.slice(from, to)),
  );
  const high = (0x80000000 | (year << 17) | (month << 10) | (day << 3) | (hour >>> 4)) >>> 0;
  const low = ((hour << 28) | (minute << 21) | (second << 14) | (ms << 4)) >>> 0;
  return { high, low };
}

/** As long as the template, with digits where it has some. */
function fittingDigits(text: string): string {
  let i = 0;
  for (; i < TEMPLATE.length; i++) {
    const wanted = TEMPLATE[i];
    const isFitting = wanted === '0' ? text[i] >= '0' && text[i] <= '9' : text[i] === wanted;
    if (!isFitting) break;
  }
  if (i === TEMPLATE.length) return text.slice(0, i);
  const isBelow = i >= text.length || text[i] < TEMPLATE[i];
  const rest = TEMPLATE.slice(i);
  return text.slice(0, i) + (isBelow ? rest : rest.replaceAll('0', '9'));
}

/** Order of codes, as for `sort`. */
export function compareCodes(a: Code, b: Code): number {
  return a.high - b.high || a.low - b.low;
}
