/**
 * The first look at a filter: that it is JSON and within the limits, before anything asks what it means. Gives a copy,
 * keys sorted, so that what the caller changes later changes no filter, and equal filters have equal text.
 */
import { describe } from '../base/describe.ts';
import type { Json } from '../base/json.ts';
import { DatabaseError } from '../errors.ts';

/** Of a filter as JSON text in UTF-8. */
export const FILTER_BYTES_MAX = 8192;
/** Objects in each other, and arrays directly in arrays. */
export const FILTER_LEVELS_MAX = 32;

export function invalidFilter(at: string, message: string): DatabaseError {
  return new DatabaseError('INVALID_ARGUMENT', `${at}: ${message}`);
}

/** A copy of `value`, keys sorted. `INVALID_ARGUMENT` with the path of what is no JSON, too deep or too much. */
export function readFilterJson(value: unknown, name: string): Json {
  const reader = new JsonReader(name);
  return reader.read(value, name, 0);
}

class JsonReader {
  readonly #name: string;
  #bytes = 0;

  constructor(name: string) {
    this.#name = name;
  }

  read(value: unknown, at: string, level: number): Json {
    if (typeof value === 'string') {
      if (!value.isWellFormed()) throw invalidFilter(at, 'expected a well-formed string');
      return this.#count(value, JSON.stringify(value));
    }
    if (typeof value === 'number' && Number.isFinite(value)) return this.#count(value, `${value}`);
    if (value === null || typeof value === 'boolean') return this.#count(value, `${value}`);
    if (Array.isArray(value)) return this.#array(value, at, level);
    if (isPlain(value)) return this.#object(value, at, level + 1);
    throw invalidFilter(at, `expected JSON, got ${describe(value)}${hintFor(value)}`);
  }

  #array(array: readonly unknown[], at: string, level: number): Json {
    this.#count(array, '[]');
    const copy: Json[] = [];
    for (let i = 0; i < array.length; i++) {
      if (i > 0) this.#count(array, ',');
      const item = array[i];
      copy.push(this.read(item, `${at}[${i}]`, this.#level(Array.isArray(item), level)));
    }
    return copy;
  }

  #object(object: object, at: string, level: number): Json {
    this.#level(false, level);
    this.#count(object, '{}');
    const entries: [string, Json][] = [];
    for (const key of Object.keys(object).sort()) {
      const inside = `${at}.${key}`;
      if (!key.isWellFormed()) throw invalidFilter(at, 'expected well-formed keys');
      this.#count(
        key,
        entries.length === 0 ? `${JSON.stringify(key)}:` : `,${JSON.stringify(key)}:`,
      );
      entries.push([key, this.read((object as Record<string, unknown>)[key], inside, level)]);
    }
    // `fromEntries` defines own properties: a key such as `__proto__` stays data.
    return Object.fromEntries(entries);
  }

  #level(isDeeper: boolean, level: number): number {
    const now = isDeeper ? level + 1 : level;
    if (now <= FILTER_LEVELS_MAX) return now;
    throw invalidFilter(this.#name, `expected at most ${FILTER_LEVELS_MAX} levels, got more`);
  }

  #count<T>(value: T, text: string): T {
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes <= FILTER_BYTES_MAX) return value;
    throw invalidFilter(this.#name, `expected at most ${FILTER_BYTES_MAX} bytes of JSON, got more`);
  }
}

/** An object literal, a parsed one or one of a class of the caller's; not a Date, a Map, a RegExp, bytes. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return Object.prototype.toString.call(value) === '[object Object]';
}

function hintFor(value: unknown): string {
  if (value === undefined) return '; leave the key out';
  if (value instanceof Date) return '; give it as stored, for example as toISOString()';
  return value instanceof RegExp ? '; give { $regex: source, $options: flags }' : '';
}
