import { expect, test } from 'vitest';
import { isDatabaseError } from '../../src/errors.ts';
import { parseFilter } from '../../src/filter/parse-filter.ts';

/** The message with which a filter is refused. */
function refusal(filter: unknown): string {
  try {
    parseFilter(filter);
  } catch (error) {
    if (isDatabaseError(error) && error.code === 'INVALID_ARGUMENT') return error.message;
    throw error;
  }
  return 'not refused';
}

/** `{ [name]: [{ [name]: … }] }`, so many objects deep. */
function nested(levels: number, wrap: (inside: object) => object, innermost: object = {}): object {
  let filter = innermost;
  for (let i = 1; i < levels; i++) filter = wrap(filter);
  return filter;
}

test('what is no filter is refused with the path to the offender', () => {
  const refusals: [unknown, string][] = [
    [undefined, 'filter: expected JSON, got undefined'],
    [null, 'filter: expected an object, got null'],
    ['a', "filter: expected an object, got 'a'"],
    [[{}], 'filter: expected an object, got an array'],
    [{ a: undefined }, 'filter.a: expected JSON, got undefined; leave the key out'],
    [{ a: Number.NaN }, 'filter.a: expected JSON, got NaN'],
    [{ a: { $in: [1, 5n] } }, 'filter.a.$in[1]: expected JSON, got 5'],
    [{ a: { $gt: new Date(0) } }, 'filter.a.$gt: expected JSON, got an object (Date)'],
    [{ a: /x/ }, 'give { $regex: source, $options: flags }'],
    [{ a: { $in: [undefined, 1] } }, 'filter.a.$in[0]: expected JSON, got undefined'],
    [{ a: '\ud800' }, 'filter.a: expected a well-formed string'],
    [{ '\ud800': 1 }, 'filter: expected well-formed keys'],
    [
      { $and: [{}, { year: { $gt: true } }] },
      'filter.$and[1].year.$gt: expected a number or a string, got true',
    ],
    [{ a: { $lt: null } }, 'filter.a.$lt: expected a number or a string, got null'],
    [{ $and: {} }, 'filter.$and: expected an array of filters, got an object (Object)'],
    [{ $or: [5] }, 'filter.$or[0]: expected an object, got 5'],
    [{ $not: [] }, 'filter.$not: expected an object, got an array'],
    [{ $orr: [] }, "filter.$orr: unknown operator '$orr'; did you mean '$or'?"],
    [{ $where: 'x' }, "filter.$where: unknown operator '$where'; known are $and, $or, $nor, $not"],
    [{ $gt: 5 }, 'filter.$gt: $gt is about a field; write { field: { $gt: … } }'],
    [
      { a: { $startswith: 'x' } },
      "filter.a.$startswith: unknown operator '$startswith'; did you mean '$startsWith'?",
    ],
    [{ year: { $zzzzzz: 5 } }, "unknown operator '$zzzzzz'; known are $eq, $ne"],
    [{ year: { $or: [] } }, 'filter.year.$or: $or joins whole filters'],
    [
      { a: { $gt: 5, b: 1 } },
      "filter.a.b: a plain key beside operators; for a field below write 'a.b'",
    ],
    [{ a: { b: { $gt: 5 } } }, "filter.a.b: operators below a field; write 'a.b': { … }"],
    [{ a: { b: { c: { $gt: 5 } } } }, "filter.a.b.c: operators below a field; write 'a.b.c'"],
    [{ a: { $in: 5 } }, 'filter.a.$in: expected an array, got 5'],
    [{ a: { $nin: {} } }, 'filter.a.$nin: expected an array'],
    [{ a: { $any: 'x' } }, "filter.a.$any: expected an array, got 'x'"],
    [{ a: { $contains_all: 'x' } }, "filter.a.$contains_all: expected an array, got 'x'"],
    [{ a: { $exists: 1 } }, 'filter.a.$exists: expected true or false, got 1'],
    [{ a: { $size: -1 } }, 'filter.a.$size: expected an integer from 0, got -1'],
    [{ a: { $size: 1.5 } }, 'filter.a.$size: expected an integer from 0, got 1.5'],
    [{ a: { $startsWith: 5 } }, 'filter.a.$startsWith: expected a string, got 5'],
    [{ a: { $type: 'strnig' } }, 'filter.a.$type: expected one of string, number'],
    [{ a: { $type: ['string', 5] } }, 'filter.a.$type: expected one of string, number'],
    [{ a: { $not: 5 } }, 'filter.a.$not: expected an object of operators, as { $gt: 5 }, got 5'],
    [{ a: { $not: {} } }, 'filter.a.$not: expected an object of operators'],
    [{ a: { $elemMatch: 5 } }, 'filter.a.$elemMatch: expected an object, got 5'],
    [
      { a: { $elemMatch: { $gt: 5, b: 1 } } },
      'filter.a.$elemMatch.b: a plain key beside operators',
    ],
    [
      { a: { $elemMatch: { $gtt: 5 } } },
      "filter.a.$elemMatch.$gtt: unknown operator '$gtt'; did you mean '$gt'?",
    ],
    [{ a: { $regex: 5 } }, 'filter.a.$regex: expected a string, got 5'],
    [{ a: { $options: 'i' } }, 'filter.a.$regex: expected a string, got null'],
    [
      { a: { $regex: 'x', $options: 'g' } },
      'filter.a.$options: expected some of the letters i, m, s, u',
    ],
    [{ a: { $regex: 'x', $options: 'ii' } }, 'filter.a.$options: expected some of the letters'],
    [{ a: { $regex: '(' } }, 'filter.a.$regex: expected a regular expression'],
    [
      { [Array.from({ length: 33 }, () => 'a').join('.')]: 1 },
      'expected a path of at most 32 keys',
    ],
  ];
  for (const [filter, message] of refusals) expect(refusal(filter)).toContain(message);
});

test('a filter has up to 32 levels of objects', () => {
  const ways: ((inside: object) => object)[] = [
    (inside) => ({ $not: inside }),
    (inside) => ({ $and: [inside] }),
    (inside) => ({ $or: [{}, inside] }),
  ];
  for (const wrap of ways) {
    expect(refusal(nested(32, wrap))).toBe('not refused');
    expect(refusal(nested(33, wrap))).toBe('filter: expected at most 32 levels, got more');
    expect(refusal(nested(500, wrap))).toBe('filter: expected at most 32 levels, got more');
  }
  let array: unknown = 1;
  for (let i = 0; i < 500; i++) array = [array];
  expect(refusal({ a: array })).toBe('filter: expected at most 32 levels, got more');
  const circle: Record<string, unknown> = {};
  circle.$not = circle;
  expect(refusal(circle)).toBe('filter: expected at most 32 levels, got more');
});

test('a filter is at most 8,192 bytes of JSON', () => {
  const least = JSON.stringify({ a: '' }).length;
  expect(refusal({ a: 'x'.repeat(8192 - least) })).toBe('not refused');
  expect(refusal({ a: 'x'.repeat(8193 - least) })).toBe(
    'filter: expected at most 8192 bytes of JSON, got more',
  );
  expect(refusal({ a: 'é'.repeat(5000) })).toContain('at most 8192 bytes');
  const whole = { b: [1, 'x', null, { c: true, d: [] }], z: {} };
  const rest = 8192 - JSON.stringify({ ...whole, a: '' }).length;
  expect(refusal({ ...whole, a: 'x'.repeat(rest) })).toBe('not refused');
  expect(refusal({ ...whole, a: 'x'.repeat(rest + 1) })).toContain('at most 8192 bytes');
});

test('what the caller changes later changes no condition', () => {
  const values = [1, 2];
  const condition = parseFilter({ a: { $in: values } });
  values.push(3);
  expect(condition).toEqual({ kind: 'in', path: 'a', values: [1, 2] });
});

test('shorthands and synonyms go', () => {
  const equal = { kind: 'equal', path: 'a', value: 1 };
  expect(parseFilter({ a: 1 })).toEqual(equal);
  expect(parseFilter({ $and: [{ $or: [{ a: { $eq: 1 } }] }] })).toEqual(equal);
  expect(parseFilter({ $not: { a: { $ne: 1 } } })).toEqual(equal);
  expect(parseFilter({ $nor: [{ a: { $not: { $eq: 1 } } }] })).toEqual(equal);
  const regex = { kind: 'regex', path: 'a', source: 'x', flags: 'im' };
  expect(parseFilter({ a: { $regex: 'x', $options: 'mi' } })).toEqual(regex);
  const three = [{ a: 1 }, { b: 1 }, { c: 1 }];
  const [first, ...rest] = three;
  for (const join of ['$and', '$or']) {
    expect(parseFilter({ [join]: [first, { [join]: rest }] })).toEqual(
      parseFilter({ [join]: three }),
    );
  }
  expect(parseFilter({ a: { $contains_any: [1] } })).toEqual(parseFilter({ a: { $any: [1] } }));
});

test('an operand is data, whatever its keys', () => {
  const operand = JSON.parse('{"__proto__": {"x": 1}}');
  expect(JSON.stringify(parseFilter({ a: operand }))).toContain('{"__proto__":{"x":1}}');
});
