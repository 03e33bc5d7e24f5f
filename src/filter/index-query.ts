/**
 * What the indexes of a collection know of a condition: a pure translation into ranges of codes, joined by
 * and, or, not.
 *
 * A range is *sure* when each record with an entry in it passes; else its records may pass, and only they:
 * a look at their metadata decides (`index-evaluate.ts`). Values of other types than a field's are under marks,
 * so that no record is ever lost: `{ year: 'long ago' }` on a field of numbers is the range of the mark, unsure.
 */
import type { Hasher } from '../base/hasher.ts';
import type { Condition, JsonType, LeafCondition, OrderCondition } from './condition.ts';
import {
  type Code,
  codeOf,
  FIRST_CODE,
  type FieldType,
  isExactType,
  LAST_CODE,
  MARK,
  MARK_ARRAY,
  MARK_NULL,
  MARK_OBJECT,
  MARK_OTHER,
} from './index-code.ts';
import { elementsOf, type IndexedField } from './index-fields.ts';

/** Codes of one number of the tree `fields`, both ends inclusive. */
export interface CodeSpan {
  readonly number: number;
  readonly from: Code;
  readonly to: Code;
  readonly isSure: boolean;
  /** Sure but for values of equal hashes. */
  readonly isHashed?: boolean;
}

export type IndexQuery =
  | { readonly kind: 'all' }
  /** The indexes know nothing of it. */
  | { readonly kind: 'unknown' }
  /** Records with an entry in any of them. */
  | { readonly kind: 'spans'; readonly spans: readonly CodeSpan[] }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly IndexQuery[] }
  | { readonly kind: 'not'; readonly part: IndexQuery };

/** What is needed to find the index of a path. */
export interface QueryFields {
  /** Those whose entries are complete. */
  readonly fields: readonly IndexedField[];
  readonly hasher: Hasher;
}

/** Of dates: ms numbers, and strings. */
const DATE_NUMBERS = { from: FIRST_CODE, to: { high: 0x7fffffff, low: 0xffffffff } };
const DATE_STRINGS = { from: { high: 0x80000000, low: 0 }, to: LAST_CODE };
const ALL_VALUES = { from: FIRST_CODE, to: LAST_CODE };
const UNKNOWN: IndexQuery = { kind: 'unknown' };

export function queryIndexes(condition: Condition, known: QueryFields): IndexQuery {
  const { kind } = condition;
  if (kind === 'and' || kind === 'or') {
    const parts = condition.conditions.map((one) => queryIndexes(one, known));
    return kind === 'and' && parts.length === 0 ? { kind: 'all' } : { kind, parts };
  }
  if (kind === 'not') return { kind, part: queryIndexes(condition.condition, known) };
  const field = known.fields.find(({ path }) => path === condition.path);
  return field === undefined ? UNKNOWN : queryLeaf(condition, new Spans(field, known.hasher));
}

/** Whether any index is asked. */
export function asksIndex(query: IndexQuery): boolean {
  if (query.kind === 'and' || query.kind === 'or') return query.parts.some(asksIndex);
  return query.kind === 'not' ? asksIndex(query.part) : query.kind === 'spans';
}

/** Whether values of equal hashes may be taken for each other. */
export function isHashed(query: IndexQuery): boolean {
  if (query.kind === 'and' || query.kind === 'or') return query.parts.some(isHashed);
  if (query.kind === 'not') return isHashed(query.part);
  return query.kind === 'spans' && query.spans.some((span) => span.isHashed === true);
}

function queryLeaf(leaf: LeafCondition, spans: Spans): IndexQuery {
  switch (leaf.kind) {
    case 'equal':
      return union(spans.equal(leaf.value));
    case 'in':
      return union(...leaf.values.map((value) => spans.equal(value)));
    case 'order':
      return union(...spans.ordered(leaf));
    case 'exists':
      return union(spans.values(ALL_VALUES, true), spans.marks(MARK_NULL, MARK_OBJECT, true));
    case 'any':
      return union(...leaf.values.map((value) => spans.element(value)));
    case 'all': {
      if (leaf.values.length === 0) return union(spans.mark(MARK_ARRAY, true));
      return { kind: 'and', parts: leaf.values.map((value) => union(spans.element(value))) };
    }
    case 'contains': {
      const inStrings = typeof leaf.value === 'string' ? [spans.ofType('string', false)] : [];
      return union(spans.element(leaf.value), ...inStrings);
    }
    case 'startsWith':
    case 'regex':
      return union(spans.ofType('string', false));
    case 'type':
      return union(...leaf.types.map((type) => spans.ofType(type, true)));
    case 'size':
    case 'element':
      return union(spans.mark(MARK_ARRAY, false));
  }
}

function union(...spans: readonly CodeSpan[]): IndexQuery {
  return { kind: 'spans', spans };
}

/** Spans of one field. */
class Spans {
  readonly #field: IndexedField;
  readonly #hasher: Hasher;

  constructor(field: IndexedField, hasher: Hasher) {
    this.#field = field;
    this.#hasher = hasher;
  }

  /** Records whose value equals. */
  equal(value: unknown): CodeSpan {
    return this.#equal(this.#field.number, value);
  }

  /** Records with an array that has an equal element. */
  element(value: unknown): CodeSpan {
    return this.#equal(elementsOf(this.#field), value);
  }

  #equal(number: number, value: unknown): CodeSpan {
    const { type } = this.#field;
    const code = codeOf(type, value, this.#hasher);
    const isSure = code.high === MARK ? code.low === MARK_NULL : isExactType(type);
    const isHashed = type === 'keyword' && code.high !== MARK;
    return { number, from: code, to: code, isSure, isHashed };
  }

  values({ from, to }: { readonly from: Code; readonly to: Code }, isSure: boolean): CodeSpan {
    return { number: this.#field.number, from, to, isSure };
  }

  mark(mark: number, isSure: boolean): CodeSpan {
    return this.marks(mark, mark, isSure);
  }

  marks(first: number, last: number, isSure: boolean): CodeSpan {
    return this.values({ from: { high: MARK, low: first }, to: { high: MARK, low: last } }, isSure);
  }

  /** Records whose value has that type; `isSure`: that is all that is asked. */
  ofType(wanted: JsonType, isSure: boolean): CodeSpan {
    if (wanted === 'null') return this.mark(MARK_NULL, isSure);
    if (wanted === 'array') return this.mark(MARK_ARRAY, isSure);
    if (wanted === 'object') return this.mark(MARK_OBJECT, isSure);
    const { type } = this.#field;
    if (type === 'date' && wanted === 'number') return this.values(DATE_NUMBERS, isSure);
    if (type === 'date' && wanted === 'string') return this.values(DATE_STRINGS, isSure);
    return hasValues(type, wanted) ? this.values(ALL_VALUES, isSure) : this.mark(MARK_OTHER, false);
  }

  ordered({ operator, value }: OrderCondition): CodeSpan[] {
    const { type } = this.#field;
    const wanted = typeof value === 'number' ? 'number' : 'string';
    const all = this.ofType(wanted, false);
    if (type !== 'number' && type !== 'date') return [all];
    if (all.from.high === MARK) return [all];
    const code = codeOf(type, value, this.#hasher);
    const isUp = operator === '$gt' || operator === '$gte';
    const beyond = isUp
      ? this.#span(nextCode(code), all.to, true)
      : this.#span(all.from, previousCode(code), true);
    const at = this.values({ from: code, to: code }, isExactType(type));
    // Dates of one code are told apart by their records.
    const isAtAsked = operator === '$gte' || operator === '$lte' || !isExactType(type);
    return isAtAsked ? [at, ...beyond] : beyond;
  }

  #span(from: Code, to: Code, isSure: boolean): CodeSpan[] {
    const isEmpty = from.high > to.high || (from.high === to.high && from.low > to.low);
    return isEmpty ? [] : [this.values({ from, to }, isSure)];
  }
}

function hasValues(type: FieldType, wanted: JsonType): boolean {
  if (type === 'keyword') return wanted === 'string';
  return type === wanted;
}

/** No code is the last one, which is a mark's, nor below the first one of its kind. */
function nextCode({ high, low }: Code): Code {
  return low === 0xffffffff ? { high: high + 1, low: 0 } : { high, low: low + 1 };
}

function previousCode({ high, low }: Code): Code {
  if (high === 0 && low === 0) return { high: -1, low: 0 };
  return low === 0 ? { high: high - 1, low: 0xffffffff } : { high, low: low - 1 };
}
