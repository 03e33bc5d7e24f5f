/** Random metadata and filters over so few keys and values that they often meet. */
import fc from 'fast-check';
import type { Json } from '../../src/base/json.ts';

type JsonObject = { readonly [key: string]: Json };

const key = fc.oneof(
  { weight: 3, arbitrary: fc.constant('a') },
  { weight: 1, arbitrary: fc.constantFrom('b', 'c', 'a.b', 'b.c', '__proto__', '') },
);
const path = fc.oneof(
  { weight: 3, arbitrary: key },
  { weight: 1, arbitrary: fc.constantFrom('a.b.c', 'b.a', 'a.', 'c.c', 'constructor', 'a.b.') },
);
const scalar = fc.constantFrom<Json>(
  0,
  -0,
  1,
  1.5,
  -3,
  '',
  'a',
  'ab',
  'B',
  '1',
  'é',
  true,
  false,
  null,
);

/** An object from entries: a key such as `__proto__` is data. */
function objectOf(value: fc.Arbitrary<Json>, keys: fc.Arbitrary<string>): fc.Arbitrary<JsonObject> {
  const entries = fc.uniqueArray(fc.tuple(keys, value), {
    selector: ([name]) => name,
    maxLength: 3,
  });
  return entries.map((pairs) => Object.fromEntries(pairs));
}

const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 2, arbitrary: objectOf(tie('value'), key) },
  ),
}));

/** Metadata of a record, most often an object. */
export const arbitraryMetadata: fc.Arbitrary<Json | undefined> = fc.oneof(
  { weight: 12, arbitrary: objectOf(value, key) },
  { weight: 1, arbitrary: value },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

const values = fc.array(value, { maxLength: 3 });
const text = fc.constantFrom('', 'a', 'b', 'ab', 'é');
const ordered = fc.constantFrom<Json>(0, 1, 1.25, -3, '', 'a', 'B', '1');
const type = fc.constantFrom('string', 'number', 'boolean', 'null', 'array', 'object');
const regexes = fc.constantFrom<JsonObject>(
  { $regex: '^a' },
  { $regex: 'b$', $options: 'i' },
  { $regex: '[^a]' },
  { $regex: '', $options: '' },
);

const single: Record<string, fc.Arbitrary<Json>> = {
  $eq: value,
  $ne: value,
  $gt: ordered,
  $gte: ordered,
  $lt: ordered,
  $lte: ordered,
  $in: values,
  $nin: values,
  $exists: fc.boolean(),
  $any: values,
  $contains_any: values,
  $all: values,
  $contains_all: values,
  $contains: value,
  $startsWith: text,
  $size: fc.nat(3),
  $type: fc.oneof(type, fc.array(type, { maxLength: 2 })),
};

const operator: fc.Arbitrary<JsonObject> = fc.oneof(
  ...Object.entries(single).map(([name, operand]) => operand.map((one) => ({ [name]: one }))),
  regexes,
);

function merged(parts: readonly JsonObject[]): JsonObject {
  return Object.fromEntries(parts.flatMap((part) => Object.entries(part)));
}

const { filter } = fc.letrec<{ operators: JsonObject; filter: JsonObject; element: JsonObject }>(
  (tie) => ({
    operators: fc.oneof(
      { maxDepth: 4 },
      { weight: 5, arbitrary: fc.array(operator, { minLength: 1, maxLength: 2 }).map(merged) },
      { weight: 1, arbitrary: tie('operators').map((inside) => ({ $not: inside })) },
      { weight: 1, arbitrary: tie('element').map((inside) => ({ $elemMatch: inside })) },
    ),
    element: fc.oneof(
      { maxDepth: 4 },
      { weight: 2, arbitrary: tie('operators') },
      { weight: 1, arbitrary: objectOf(tie('operators'), path) },
      { weight: 1, arbitrary: joined(tie('element')) },
    ),
    filter: fc.oneof(
      { maxDepth: 4 },
      { weight: 3, arbitrary: objectOf(fc.oneof(tie('operators'), value), path) },
      { weight: 1, arbitrary: joined(tie('filter')) },
      { weight: 1, arbitrary: fc.array(tie('filter'), { maxLength: 2 }).map(merged) },
    ),
  }),
);

function joined(part: fc.Arbitrary<JsonObject>): fc.Arbitrary<JsonObject> {
  return fc.oneof(
    part.map((inside) => ({ $not: inside })),
    fc
      .tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(part, { maxLength: 3 }))
      .map(([name, inside]) => ({ [name]: inside })),
  );
}

/** Filters of the language; all of them parse. */
export const arbitraryFilter: fc.Arbitrary<JsonObject> = filter;
