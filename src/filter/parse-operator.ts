/**
 * The operators on one value: each reads its operand and gives a condition. The operand has been found to be JSON;
 * here it is checked to be of the operator's kind.
 */
import { describe } from '../base/describe.ts';
import type { Json } from '../base/json.ts';
import { nearestName } from '../base/nearest.ts';
import { checkRegex } from './check-regex.ts';
import {
  allOf,
  type Condition,
  type JsonType,
  noneOf,
  type OrderOperator,
  type Path,
} from './condition.ts';
import { isObject } from './path.ts';
import { invalidFilter } from './read-json.ts';

/** An operand, where it stands, and what it is about. */
interface Operand {
  readonly value: Json;
  /** For errors: `filter.year.$gt`. */
  readonly at: string;
  readonly path: Path;
}

type Parse = (operand: Operand) => Condition;

export const JSON_TYPES: readonly JsonType[] = [
  'string',
  'number',
  'boolean',
  'null',
  'array',
  'object',
];

const REGEX_FLAGS = 'imsu';

const order = (operator: OrderOperator): Parse => {
  return ({ value, at, path }) => {
    if (typeof value !== 'number' && typeof value !== 'string')
      throw expected(at, 'a number or a string', value);
    return { kind: 'order', path, operator, value };
  };
};
const parseIn: Parse = ({ path, ...operand }) => ({ kind: 'in', path, values: arrayOf(operand) });
const parseAny: Parse = ({ path, ...operand }) => ({ kind: 'any', path, values: arrayOf(operand) });
const parseAll: Parse = ({ path, ...operand }) => ({ kind: 'all', path, values: arrayOf(operand) });
const parseEqual: Parse = ({ path, value }) => ({ kind: 'equal', path, value });

/** All operators on a value, but `$not`, `$elemMatch`, `$regex` and `$options`, which look beyond their operand. */
const OPERATORS: ReadonlyMap<string, Parse> = new Map<string, Parse>([
  ['$eq', parseEqual],
  ['$ne', (operand) => noneOf(parseEqual(operand))],
  ['$gt', order('$gt')],
  ['$gte', order('$gte')],
  ['$lt', order('$lt')],
  ['$lte', order('$lte')],
  ['$in', parseIn],
  ['$nin', (operand) => noneOf(parseIn(operand))],
  ['$exists', parseExists],
  ['$all', parseAll],
  ['$contains_all', parseAll],
  ['$any', parseAny],
  ['$contains_any', parseAny],
  ['$size', parseSize],
  ['$contains', ({ path, value }) => ({ kind: 'contains', path, value })],
  [
    '$startsWith',
    ({ path, ...operand }) => ({ kind: 'startsWith', path, prefix: stringOf(operand) }),
  ],
  ['$type', parseType],
]);

/** Operators on a value, by name. */
export const OPERATOR_NAMES: readonly string[] = [
  ...OPERATORS.keys(),
  '$not',
  '$elemMatch',
  '$regex',
  '$options',
];

/** Those that join filters. */
export const LOGICAL_NAMES: readonly string[] = ['$and', '$or', '$nor', '$not'];

/** Reads the operand of `$elemMatch`: `parse-filter.ts` knows how. */
export type ParseElement = (operand: Json, at: string) => Condition;

/** An object of operators, all of which a value has to pass. */
export function parseOperators(
  operators: { readonly [key: string]: Json },
  { at, path, parseElement }: { at: string; path: Path; parseElement: ParseElement },
): Condition {
  const conditions: Condition[] = [];
  for (const [name, value] of Object.entries(operators)) {
    const inside = `${at}.${name}`;
    if (!name.startsWith('$')) {
      throw invalidFilter(
        inside,
        `a plain key beside operators; for a field below write '${path}.${name}'`,
      );
    }
    const parse = OPERATORS.get(name);
    if (parse !== undefined) conditions.push(parse({ value, at: inside, path }));
    else if (name === '$regex') conditions.push(parseRegex(operators, at, path));
    else if (name === '$options') stringOf({ value: operators.$regex ?? null, at: `${at}.$regex` });
    else if (name === '$not') {
      const negated = operatorsOf(value, inside);
      conditions.push(noneOf(parseOperators(negated, { at: inside, path, parseElement })));
    } else if (name === '$elemMatch') {
      conditions.push({ kind: 'element', path, condition: parseElement(value, inside) });
    } else throw unknownOperator(inside, name);
  }
  return allOf(conditions);
}

/** Whether an object that stands for a field's condition holds operators; `{}` is a value. */
export function hasOperators(value: Json): value is { readonly [key: string]: Json } {
  return isObject(value) && Object.keys(value).some((key) => key.startsWith('$'));
}

function operatorsOf(value: Json, at: string): { readonly [key: string]: Json } {
  if (hasOperators(value)) return value;
  throw expected(at, 'an object of operators, as { $gt: 5 }', value);
}

function unknownOperator(at: string, name: string): Error {
  if (LOGICAL_NAMES.includes(name)) {
    return invalidFilter(at, `${name} joins whole filters; write { ${name}: [{ field: … }, …] }`);
  }
  return unknownName(at, name, OPERATOR_NAMES);
}

/** An error that names the nearest of the names that could stand there. */
export function unknownName(at: string, name: string, known: readonly string[]): Error {
  const nearest = nearestName(name, known);
  const hint =
    nearest === undefined ? `known are ${known.join(', ')}` : `did you mean '${nearest}'?`;
  return invalidFilter(at, `unknown operator '${name}'; ${hint}`);
}

export function expected(at: string, what: string, value: Json): Error {
  return invalidFilter(at, `expected ${what}, got ${describe(value)}`);
}

function arrayOf({ value, at }: { value: Json; at: string }): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  throw expected(at, 'an array', value);
}

function stringOf({ value, at }: { value: Json; at: string }): string {
  if (typeof value === 'string') return value;
  throw expected(at, 'a string', value);
}

function parseExists({ value, at, path }: Operand): Condition {
  if (typeof value !== 'boolean') throw expected(at, 'true or false', value);
  const exists: Condition = { kind: 'exists', path };
  return value ? exists : noneOf(exists);
}

function parseSize({ value, at, path }: Operand): Condition {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) {
    return { kind: 'size', path, size: value };
  }
  throw expected(at, 'an integer from 0', value);
}

function parseType({ value, at, path }: Operand): Condition {
  const given = Array.isArray(value) ? (value as readonly Json[]) : [value];
  const types = given.map((type) => {
    const known = JSON_TYPES.find((name) => name === type);
    if (known !== undefined) return known;
    throw expected(at, `one of ${JSON_TYPES.join(', ')}, or an array of them`, type);
  });
  return { kind: 'type', path, types };
}

function parseRegex(
  operators: { readonly [key: string]: Json },
  at: string,
  path: Path,
): Condition {
  const source = stringOf({ value: operators.$regex, at: `${at}.$regex` });
  const options = stringOf({ value: operators.$options ?? '', at: `${at}.$options` });
  const flags = [...new Set(options)].sort().join('');
  if (flags.length !== options.length || [...flags].some((flag) => !REGEX_FLAGS.includes(flag))) {
    throw expected(`${at}.$options`, `some of the letters ${[...REGEX_FLAGS].join(', ')}`, options);
  }
  checkRegex(source, flags, `${at}.$regex`);
  return { kind: 'regex', path, source, flags };
}
