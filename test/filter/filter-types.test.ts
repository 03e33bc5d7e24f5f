/**
 * What the types of filters allow and refuse. `npm run check` compiles this file: a line below `@ts-expect-error` that
 * compiles is an error there. That the allowed ones also parse is tested here.
 */
import { expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import type { Filter } from '../../src/filter/filter-types.ts';
import { parseFilter } from '../../src/filter/parse-filter.ts';

interface Author {
  name: string;
  born?: number;
  address: { city: string; geo: { lat: number; lon: number | null } };
}

interface Note {
  title: string;
  kind: 'draft' | 'final';
  year: number;
  rating?: number | null;
  isOpen: boolean;
  tags: string[];
  scores: readonly number[];
  author: Author;
  editors?: Author[];
  'literal.key': number;
  extra: unknown;
  labels: Record<string, number>;
  at: Date;
  mixed: string | number | string[];
}

interface Tree {
  value: number;
  child?: Tree;
}

type Shape = { type: 'circle'; radius: number } | { type: 'box'; width: number; height: number };

const geo = { lat: 1, lon: null };

/** All of it compiles. */
const allowed: readonly Filter<Note>[] = [
  {},
  { title: 'a', year: 2024, isOpen: true, kind: 'draft' },
  { $and: [{ year: 1 }, { $or: [{ title: 'a' }] }], $nor: [], $not: { year: 2 } },
  { year: { $gt: 1, $gte: 1, $lt: 2, $lte: 2, $eq: 1, $ne: 2, $in: [1], $nin: [2] } },
  { year: { $not: { $gt: 5, $not: { $lt: 3 } }, $exists: true, $type: 'number' } },
  { year: { $type: ['number', 'null'] } },
  { title: { $startsWith: 'a', $contains: 'b', $regex: 'c', $options: 'i', $gt: 'd' } },
  { kind: { $in: ['draft', 'final'], $gt: 'a', $startsWith: 'd' } },
  { rating: null },
  { rating: { $ne: null, $gt: 3, $in: [null, 1] } },
  { tags: ['a'] },
  {
    tags: {
      $any: ['a'],
      $all: ['b'],
      $contains_any: [],
      $contains_all: [],
      $contains: 'a',
      $size: 2,
    },
  },
  { tags: { $elemMatch: { $startsWith: 'a', $or: [{ $eq: 'b' }, { $not: { $gt: 'c' } }] } } },
  { scores: { $elemMatch: { $gt: 1 } } },
  { 'author.name': 'x', 'author.born': { $gt: 1900 }, 'author.address.geo.lat': { $lt: 5 } },
  { 'author.address.geo.lon': null, 'author.address.geo': geo },
  { author: { name: 'x', address: { city: 'y', geo } } },
  {
    editors: {
      $elemMatch: { name: 'x', 'address.city': { $startsWith: 'y' }, $or: [{ born: 1 }] },
    },
  },
  { editors: { $size: 1 } },
  { 'literal.key': { $gt: 1 } },
  { extra: 5 },
  { extra: { $gt: 5, $regex: 'x' } },
  { 'labels.anything': { $gt: 5 } },
  { at: { $gte: '2024-01-01' } },
  { mixed: { $gt: 5, $contains: 'a' } },
  { mixed: 'a' },
];

/** None of it compiles. */
const refused: readonly Filter<Note>[] = [
  // @ts-expect-error no such field
  { titel: 'a' },
  // @ts-expect-error no such field below
  { 'author.nam': 'a' },
  // @ts-expect-error no such field two below
  { 'author.address.town': 'a' },
  // @ts-expect-error no positions in arrays
  { 'tags.0': 'a' },
  // @ts-expect-error no paths through arrays
  { 'editors.name': 'a' },
  // @ts-expect-error a string is no number
  { year: '2024' },
  // @ts-expect-error not one of its values
  { kind: 'other' },
  // @ts-expect-error not one of its values
  { kind: { $in: ['draft', 'other'] } },
  // @ts-expect-error a string is no number
  { year: { $gt: '2024' } },
  // @ts-expect-error an array is asked for
  { year: { $in: 2024 } },
  // @ts-expect-error a number has no beginning
  { year: { $startsWith: '2' } },
  // @ts-expect-error a number has no elements
  { year: { $any: [2] } },
  // @ts-expect-error a string has no elements
  { title: { $size: 2 } },
  // @ts-expect-error true and false have no order
  { isOpen: { $gt: true } },
  // @ts-expect-error an array has no order
  { tags: { $gt: 'a' } },
  // @ts-expect-error elements are strings
  { tags: { $any: [5] } },
  // @ts-expect-error one element is no array: the whole value is compared
  { tags: 'a' },
  // @ts-expect-error elements are strings
  { tags: { $elemMatch: { $gt: 5 } } },
  // @ts-expect-error elements have no such field
  { editors: { $elemMatch: { nam: 'x' } } },
  // @ts-expect-error the title is never null
  { title: null },
  // @ts-expect-error leave the key out
  { title: undefined },
  // @ts-expect-error no such operator
  { year: { $gtt: 5 } },
  // @ts-expect-error joins filters, not operators
  { year: { $or: [] } },
  // @ts-expect-error no such name
  { $xor: [] },
  // @ts-expect-error an array is asked for
  { $and: {} },
  // @ts-expect-error no such field, within
  { $and: [{ titel: 'a' }] },
  // @ts-expect-error no such field, within
  { $not: { titel: 'a' } },
  // @ts-expect-error a wrong operand below $not
  { year: { $not: { $gt: 'a' } } },
  // @ts-expect-error no such type
  { year: { $type: 'int' } },
  // @ts-expect-error dates are stored as strings
  { at: { $gte: new Date() } },
  // @ts-expect-error labels are numbers
  { 'labels.anything': 'a' },
];

test('what compiles parses', () => {
  for (const filter of allowed)
    expect(() => parseFilter(filter), JSON.stringify(filter)).not.toThrow();
  expect(refused.length).toBeGreaterThan(0);
});

test('metadata that is not described takes any JSON', () => {
  const filters: readonly Filter[] = [
    {},
    { a: 1, 'b.c': { $gt: 5 }, $or: [{ a: null }, { b: ['x'] }] },
    { $not: { a: { $elemMatch: { $gt: 1 } } } },
  ];
  // biome-ignore lint/suspicious/noExplicitAny: the case that is tested
  const ofAny: Filter<any> = { a: { $in: [1, 'x'] } };
  const ofJson: Filter<Json> = { a: { $in: [1, 'x'] } };
  const ofRecord: Filter<Record<string, Json>> = { a: 1, $and: [{ b: 2 }] };
  // biome-ignore lint/complexity/noBannedTypes: the case that is tested
  const ofNothing: Filter<{}> = { a: 1 };
  for (const filter of [...filters, ofAny, ofJson, ofRecord, ofNothing]) parseFilter(filter);
  // @ts-expect-error undefined is no JSON
  const noJson: Filter = { a: undefined };
  // @ts-expect-error an array of filters is asked for
  const noArray: Filter = { $and: 5 };
  expect(() => parseFilter(noJson)).toThrow('filter.a: expected JSON');
  expect(() => parseFilter(noArray)).toThrow('filter.$and: expected an array');
});

test('unions have the fields of each, trees those of six levels', () => {
  const shapes: readonly Filter<Shape>[] = [
    { type: 'box', width: { $gt: 1 } },
    { type: { $in: ['circle', 'box'] }, radius: 1 },
    // @ts-expect-error no shape is one
    { type: 'line' },
    // @ts-expect-error no shape has it
    { depth: 1 },
  ];
  const trees: readonly Filter<Tree>[] = [
    { 'child.child.child.child.child': { $exists: true } },
    { 'child.child.child.child.value': { $gt: 1 }, child: { value: 1 } },
    // @ts-expect-error no such field
    { 'child.child.valeu': 1 },
  ];
  for (const filter of [...shapes, ...trees]) expect(() => parseFilter(filter)).not.toThrow();
});
