/**
 * From the language of filters (docs/filters.md) to conditions: shorthands and synonyms go, every mistake is found here,
 * and named by the path to it. The same on an empty collection: nothing of it waits for a record.
 */
import type { Json } from '../base/json.ts';
import { allOf, anyOf, type Condition, noneOf, type Path } from './condition.ts';
import {
  expected,
  hasOperators,
  LOGICAL_NAMES,
  OPERATOR_NAMES,
  parseOperators,
  unknownName,
} from './parse-operator.ts';
import { isObject } from './path.ts';
import { invalidFilter, readFilterJson } from './read-json.ts';

/** Keys in a path. */
export const PATH_KEYS_MAX = 32;

/** What a filter is about: a record's metadata, or the elements of an array. */
type Subject = 'metadata' | 'element';

/**
 * The condition that a filter says; `name` is what errors call it. `INVALID_ARGUMENT`, with the path to the
 * offender, for whatever is no filter. O(size of the filter).
 */
export function parseFilter(filter: unknown, name = 'filter'): Condition {
  return parseGroup(readFilterJson(filter, name), name, 'metadata');
}

/** An object of fields and operators, all of which have to pass. */
function parseGroup(group: Json, at: string, subject: Subject): Condition {
  if (!isObject(group)) throw expected(at, 'an object', group);
  const conditions: Condition[] = [];
  const operators: [string, Json][] = [];
  let plainKey: string | undefined;
  for (const [key, value] of Object.entries(group)) {
    if (LOGICAL_NAMES.includes(key)) {
      conditions.push(parseLogical(key, value, { at: `${at}.${key}`, subject }));
    } else if (key.startsWith('$')) {
      if (subject === 'metadata') throw misplaced(`${at}.${key}`, key);
      operators.push([key, value]);
    } else {
      plainKey = key;
      conditions.push(parseField(key, value, `${at}.${key}`));
    }
  }
  if (operators.length > 0) {
    if (plainKey !== undefined) {
      throw invalidFilter(
        `${at}.${plainKey}`,
        'a plain key beside operators on the element itself',
      );
    }
    const values = Object.fromEntries(operators);
    conditions.push(parseOperators(values, { at, path: undefined, parseElement }));
  }
  return allOf(conditions);
}

function parseLogical(
  name: string,
  value: Json,
  { at, subject }: { readonly at: string; readonly subject: Subject },
): Condition {
  if (name === '$not') return noneOf(parseGroup(value, at, subject));
  if (!Array.isArray(value)) throw expected(at, 'an array of filters', value);
  const filters = value as readonly Json[];
  const conditions = filters.map((filter, i) => parseGroup(filter, `${at}[${i}]`, subject));
  if (name === '$and') return allOf(conditions);
  return name === '$or' ? anyOf(conditions) : noneOf(anyOf(conditions));
}

function parseField(path: string, value: Json, at: string): Condition {
  if (path.split('.').length > PATH_KEYS_MAX) {
    throw invalidFilter(at, `expected a path of at most ${PATH_KEYS_MAX} keys`);
  }
  if (hasOperators(value)) return parseOperators(value, { at, path, parseElement });
  refuseHiddenOperators(value, at, path);
  return { kind: 'equal', path, value };
}

function parseElement(operand: Json, at: string): Condition {
  return parseGroup(operand, at, 'element');
}

/** `{ author: { age: { $gt: 5 } } }` would ask for an author that is just that object: nobody means it. */
function refuseHiddenOperators(value: Json, at: string, path: Path): void {
  if (!isObject(value)) return;
  for (const [key, inside] of Object.entries(value)) {
    const below = `${path}.${key}`;
    if (hasOperators(inside)) {
      throw invalidFilter(
        `${at}.${key}`,
        `operators below a field; write '${below}': { … }, or $eq to compare with the whole object`,
      );
    }
    refuseHiddenOperators(inside, `${at}.${key}`, below);
  }
}

function misplaced(at: string, name: string): Error {
  if (!OPERATOR_NAMES.includes(name)) return unknownName(at, name, LOGICAL_NAMES);
  return invalidFilter(at, `${name} is about a field; write { field: { ${name}: … } }`);
}
