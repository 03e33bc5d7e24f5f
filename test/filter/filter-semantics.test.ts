/** The rules of the language, a line each: filter, metadata that passes, metadata that does not. */
import { expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { compileCondition } from '../../src/filter/compile-filter.ts';
import { parseFilter } from '../../src/filter/parse-filter.ts';
import { evaluate } from './evaluate.ts';

interface Rule {
  readonly rule: string;
  readonly filter: { readonly [key: string]: Json };
  readonly pass?: readonly (Json | undefined)[];
  readonly fail?: readonly (Json | undefined)[];
}

const some = [{ a: 1 }, { a: null }, { a: [] }, { b: 1 }, {}, undefined, 7, [1]];
const deep = { a: { b: { c: 1 } } };

const rules: readonly Rule[] = [
  { rule: '{} matches everything', filter: {}, pass: some },
  { rule: '$and: [] is true', filter: { $and: [] }, pass: some },
  { rule: '$or: [] is false', filter: { $or: [] }, fail: some },
  { rule: '$nor: [] is true', filter: { $nor: [] }, pass: some },
  { rule: '$in: [] is false', filter: { a: { $in: [] } }, fail: some },
  { rule: '$nin: [] is true', filter: { a: { $nin: [] } }, pass: some },
  {
    rule: '$all: [] is true on any array',
    filter: { a: { $all: [] } },
    pass: [{ a: [] }, { a: [1] }],
    fail: [{ a: 1 }, { a: null }, {}],
  },
  { rule: '$any: [] is false', filter: { a: { $any: [] } }, fail: [...some, { a: [1] }] },
  {
    rule: 'a scalar is an implicit $eq',
    filter: { a: 1 },
    pass: [{ a: 1 }, { a: 1, b: 2 }],
    fail: [{ a: 2 }, { b: 1 }],
  },
  {
    rule: 'several keys are AND',
    filter: { a: 1, b: 2 },
    pass: [{ a: 1, b: 2 }],
    fail: [{ a: 1 }, { b: 2 }, { a: 1, b: 3 }],
  },
  {
    rule: 'several operators are AND',
    filter: { a: { $gt: 1, $lt: 3 } },
    pass: [{ a: 2 }],
    fail: [{ a: 1 }, { a: 3 }],
  },
  {
    rule: 'fields and $or stand side by side',
    filter: { a: 1, $or: [{ b: 1 }, { b: 2 }] },
    pass: [{ a: 1, b: 2 }],
    fail: [{ a: 1 }, { b: 1 }],
  },
  {
    rule: '$nor: none of them',
    filter: { $nor: [{ a: 1 }, { b: 1 }] },
    pass: [{}, { a: 2 }],
    fail: [{ a: 1 }, { a: 2, b: 1 }],
  },
  {
    rule: '$not of a filter',
    filter: { $not: { a: 1, b: 1 } },
    pass: [{ a: 1 }, {}],
    fail: [{ a: 1, b: 1 }],
  },
  {
    rule: '$not of operators is true where the field is missing',
    filter: { a: { $not: { $gt: 5 } } },
    pass: [{ a: 5 }, { a: 'x' }, {}],
    fail: [{ a: 6 }],
  },
  {
    rule: 'dot paths walk objects',
    filter: { 'a.b.c': 1 },
    pass: [deep],
    fail: [{ a: { b: 1 } }, { a: 1 }],
  },
  {
    rule: 'a key that contains the dot wins over the path',
    filter: { 'a.b': 1 },
    pass: [{ 'a.b': 1 }, { 'a.b': 1, a: { b: 2 } }],
    fail: [
      { 'a.b': 2, a: { b: 1 } },
      { 'a.b': null, a: { b: 1 } },
    ],
  },
  {
    rule: 'also below: the longest key that is there goes first',
    filter: { 'a.b.c': 1 },
    pass: [{ a: { 'b.c': 1 } }, { 'a.b': { c: 1 } }, { 'a.b': { x: 1 }, a: { b: { c: 1 } } }],
    fail: [{ 'a.b': { c: 2 }, a: { b: { c: 1 } } }],
  },
  {
    rule: 'no array positions',
    filter: { 'a.0': 1 },
    pass: [{ a: { '0': 1 } }],
    fail: [{ a: [1] }],
  },
  { rule: 'no path through arrays', filter: { 'a.b': 1 }, fail: [{ a: [{ b: 1 }] }] },
  {
    rule: 'keys of prototypes are missing',
    filter: { constructor: { $exists: true } },
    pass: [{ constructor: 1 }],
    fail: [{}, { a: 1 }],
  },
  {
    rule: '$eq with an object is deep equality, keys in any order',
    filter: { a: { x: 1, y: [2] } },
    pass: [{ a: { y: [2], x: 1 } }],
    fail: [{ a: { x: 1 } }, { a: { x: 1, y: [2], z: 0 } }],
  },
  {
    rule: 'the prototype of an object is none of its keys',
    filter: { a: JSON.parse('{"__proto__": {}}') },
    pass: [{ a: JSON.parse('{"__proto__": {}}') }],
    fail: [{ a: { x: 1 } }],
  },
  {
    rule: '$eq with an array: in order',
    filter: { a: [1, 2] },
    pass: [{ a: [1, 2] }],
    fail: [{ a: [2, 1] }, { a: [1] }, { a: 1 }, { a: [1, 2, 3] }],
  },
  {
    rule: '{} as a value is the empty object',
    filter: { a: {} },
    pass: [{ a: {} }],
    fail: [{ a: { b: 1 } }, {}, { a: [] }],
  },
  { rule: '$eq of a scalar compares a whole array', filter: { a: 1 }, fail: [{ a: [1] }] },
  {
    rule: '$in compares a whole array',
    filter: { a: { $in: [1, [2]] } },
    pass: [{ a: 1 }, { a: [2] }],
    fail: [{ a: [1] }, { a: 2 }],
  },
  {
    rule: 'missing: $eq, $in, order, $any, $all are false',
    filter: {
      $or: [
        { a: 1 },
        { a: { $in: [1, null] } },
        { a: { $gt: 0 } },
        { a: { $lte: 'z' } },
        { a: { $any: [1] } },
        { a: { $all: [] } },
        { a: null },
      ],
    },
    fail: [{}, undefined, { b: 1 }],
  },
  {
    rule: 'missing: $ne is true',
    filter: { a: { $ne: 1 } },
    pass: [{}, undefined, { a: 2 }, { a: null }],
    fail: [{ a: 1 }],
  },
  {
    rule: 'missing: $nin is true',
    filter: { a: { $nin: [1, 2] } },
    pass: [{}, undefined, { a: 3 }],
    fail: [{ a: 1 }],
  },
  {
    rule: '$exists: false is true where it is missing',
    filter: { a: { $exists: false } },
    pass: [{}, undefined, { b: 1 }],
    fail: [{ a: 1 }, { a: null }],
  },
  {
    rule: 'null is a value',
    filter: { a: { $exists: true } },
    pass: [{ a: null }, { a: 0 }],
    fail: [{}],
  },
  {
    rule: 'null equals only null',
    filter: { a: null },
    pass: [{ a: null }],
    fail: [{}, { a: 0 }, { a: '' }, { a: false }],
  },
  { rule: '5 equals 5.0', filter: { a: JSON.parse('5.0') }, pass: [{ a: 5 }], fail: [{ a: 5.5 }] },
  { rule: '0 equals -0', filter: { a: { $in: [-0, 'x'] } }, pass: [{ a: 0 }] },
  { rule: 'true does not equal 1', filter: { a: 1 }, fail: [{ a: true }] },
  { rule: '"5" does not equal 5', filter: { a: 5 }, fail: [{ a: '5' }] },
  {
    rule: 'order: number with number',
    filter: { a: { $gte: 5 } },
    pass: [{ a: 5 }, { a: 5.1 }],
    fail: [{ a: 4.9 }, { a: '6' }, { a: true }, { a: null }, { a: [6] }],
  },
  {
    rule: 'order: never between types',
    filter: {
      $or: [{ a: { $lt: 5 } }, { a: { $lte: 5 } }, { a: { $gt: -5 } }, { a: { $gte: -5 } }],
    },
    pass: [{ a: 0 }],
    fail: [{ a: '1' }, { a: '' }, { a: true }, { a: null }, { a: [1] }, { a: {} }],
  },
  {
    rule: 'order: string with string, by code unit',
    filter: { a: { $lt: 'a' } },
    pass: [{ a: 'B' }, { a: '' }],
    fail: [{ a: 'a' }, { a: 'é' }, { a: 1 }],
  },
  {
    rule: 'dates are strings',
    filter: { a: { $gte: '2024-01-01', $lt: '2025' } },
    pass: [{ a: '2024-06-30T12:00:00Z' }],
    fail: [{ a: '2023-12-31' }, { a: '2025-01-01' }],
  },
  {
    rule: '$any: an element is one of them',
    filter: { a: { $any: [1, [2]] } },
    pass: [{ a: [0, 1] }, { a: [[2]] }],
    fail: [{ a: 1 }, { a: [2] }, { a: [] }],
  },
  {
    rule: '$contains_any is $any',
    filter: { a: { $contains_any: [1] } },
    pass: [{ a: [1] }],
    fail: [{ a: [2] }],
  },
  {
    rule: '$all: each of them is an element',
    filter: { a: { $all: [1, 2] } },
    pass: [{ a: [2, 3, 1] }],
    fail: [{ a: [1] }, { a: 1 }],
  },
  {
    rule: '$contains_all is $all',
    filter: { a: { $contains_all: [1] } },
    pass: [{ a: [1, 2] }],
    fail: [{ a: [2] }],
  },
  {
    rule: '$contains: an element of an array',
    filter: { a: { $contains: 1 } },
    pass: [{ a: [2, 1] }],
    fail: [{ a: [2] }, { a: 1 }, { a: '1' }],
  },
  {
    rule: '$contains: a part of a string',
    filter: { a: { $contains: 'bc' } },
    pass: [{ a: 'abcd' }, { a: ['bc'] }],
    fail: [{ a: 'ABCD' }, { a: ['abcd'] }],
  },
  {
    rule: '$startsWith',
    filter: { a: { $startsWith: 'ab' } },
    pass: [{ a: 'abc' }],
    fail: [{ a: 'cab' }, { a: ['ab'] }],
  },
  {
    rule: '$regex finds a part',
    filter: { a: { $regex: 'b+c' } },
    pass: [{ a: 'abbc' }],
    fail: [{ a: 'aBc' }, { a: 1 }, { a: ['bc'] }],
  },
  {
    rule: '$regex takes $options',
    filter: { a: { $options: 'i', $regex: '^b' } },
    pass: [{ a: 'Bx' }],
    fail: [{ a: 'xb' }],
  },
  {
    rule: '$type: one',
    filter: { a: { $type: 'null' } },
    pass: [{ a: null }],
    fail: [{}, { a: 0 }],
  },
  {
    rule: '$type: several',
    filter: { a: { $type: ['array', 'object'] } },
    pass: [{ a: [] }, { a: {} }],
    fail: [{ a: null }, { a: 'x' }],
  },
  {
    rule: '$size',
    filter: { a: { $size: 2 } },
    pass: [{ a: [1, 2] }],
    fail: [{ a: [1] }, { a: [1, 2, 3] }, { a: 'ab' }, { a: { length: 2 } }],
  },
  {
    rule: '$elemMatch: one element passes all',
    filter: { a: { $elemMatch: { b: 1, c: { $gt: 1 } } } },
    pass: [{ a: [{ b: 1, c: 2 }] }],
    fail: [{ a: [{ b: 1 }, { c: 2 }] }, { a: { b: 1, c: 2 } }, { a: [] }],
  },
  {
    rule: '$elemMatch: operators are about the element',
    filter: { a: { $elemMatch: { $gt: 1, $lt: 3 } } },
    pass: [{ a: [0, 2] }],
    fail: [{ a: [0, 4] }],
  },
  {
    rule: '$elemMatch: alternatives',
    filter: { a: { $elemMatch: { $or: [{ $lt: 0 }, { b: 1 }] } } },
    pass: [{ a: [-1] }, { a: [{ b: 1 }] }],
    fail: [{ a: [1] }],
  },
  {
    rule: '$elemMatch in $elemMatch',
    filter: { a: { $elemMatch: { $elemMatch: { $eq: 1 } } } },
    pass: [{ a: [[1]] }],
    fail: [{ a: [1] }],
  },
  {
    rule: 'explicit $eq takes keys with a $',
    filter: { a: { $eq: { $gt: 1 } } },
    pass: [{ a: { $gt: 1 } }],
    fail: [{ a: 2 }],
  },
];

test.each(rules)('$rule', ({ filter, pass = [], fail = [] }) => {
  const passes = compileCondition(parseFilter(filter));
  for (const metadata of pass) expect(passes(metadata), JSON.stringify(metadata)).toBe(true);
  for (const metadata of fail) expect(passes(metadata), JSON.stringify(metadata)).toBe(false);
});

test('the reference of the property tests knows the same rules', () => {
  for (const { rule, filter, pass = [], fail = [] } of rules) {
    for (const metadata of pass) expect(evaluate(filter, metadata), rule).toBe(true);
    for (const metadata of fail) expect(evaluate(filter, metadata), rule).toBe(false);
  }
});
