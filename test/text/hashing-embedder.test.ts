/** The embedder's promises: the same vector everywhere, likeness of spelling as nearness, no failing text. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDatabaseError } from '../../src/errors.ts';
import { hashingEmbedder } from '../../src/text/hashing-embedder.ts';

const embedder = hashingEmbedder();

function similarity(a: string, b: string, by = embedder): number {
  const x = by.embed(a);
  const y = by.embed(b);
  return x.reduce((sum, value, i) => sum + value * y[i], 0);
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (isDatabaseError(error)) return error.code;
    throw error;
  }
  return undefined;
}

test('the values are fixed: stored vectors and new ones must stay comparable', () => {
  const small = [...hashingEmbedder({ dimension: 8 }).embed('hello world')];
  const expected = [
    -0.42038, 0.1401267, 0.2802534, 0, -0.485413, -0.1401267, -0.2802534, 0.6255397,
  ];
  for (let i = 0; i < 8; i++) expect(small[i]).toBeCloseTo(expected[i], 6);

  const vector = embedder.embed('hello world');
  const filled = [...vector].flatMap((value, i) => (value === 0 ? [] : [i]));
  expect(filled).toEqual([
    10, 28, 30, 42, 47, 48, 86, 117, 119, 156, 166, 171, 197, 217, 218, 250, 278, 295, 309, 310,
    311, 326, 348, 376, 379,
  ]);
  expect(vector[156]).toBeCloseTo(-0.489898, 6);
  expect(vector[311]).toBeCloseTo(0.489898, 6);
});

test('every text gives a finite unit vector, the same each time', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 300 });
  fc.assert(
    fc.property(texts, fc.integer({ min: 8, max: 700 }), (text, dimension) => {
      const one = hashingEmbedder({ dimension });
      const vector = one.embed(text);
      expect(vector).toHaveLength(dimension);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      one.embed('something else in between');
      expect(one.embedMany([text, 'other'])[0]).toEqual(vector);
      expect(hashingEmbedder({ dimension }).embed(text)).toEqual(vector);
    }),
  );
});

test('a text without words is the first unit vector', () => {
  const first = new Float32Array(384);
  first[0] = 1;
  expect(embedder.embed('')).toEqual(first);
  expect(embedder.embed(' \n--- *** !')).toEqual(first);
});

test('lone surrogates and very long words are texts like any other', () => {
  expect(Math.hypot(...embedder.embed('\ud800 x\udfff'))).toBeCloseTo(1, 5);
  expect(Math.hypot(...embedder.embed('a'.repeat(200_000)))).toBeCloseTo(1, 5);
});

test('similar texts are nearer than unrelated ones', () => {
  const question = 'How do I install the package?';
  const answer = 'Installation: run npm install to add the package to your project.';
  const unrelated = 'The recipe needs two apples, butter and a pinch of cinnamon.';
  expect(similarity(question, answer)).toBeGreaterThan(similarity(question, unrelated) + 0.2);
});

test('typos and inflections keep much of the likeness', () => {
  const stranger = similarity('database', 'mountain');
  for (const variant of ['databse', 'databases', 'dtabase']) {
    expect(similarity('database', variant)).toBeGreaterThan(stranger + 0.15);
  }
});

test('letter case and compatibility forms do not matter, word order neither', () => {
  expect(similarity('Vector Database', 'database vector')).toBeCloseTo(1, 5);
  expect(similarity('ﬁle １２', 'file 12')).toBeCloseTo(1, 5);
});

test('stop words weigh little', () => {
  expect(similarity('the license of this', 'license')).toBeGreaterThan(0.9);
});

test('texts in scripts without spaces share pieces', () => {
  expect(similarity('向量数据库', '数据库')).toBeGreaterThan(0.2);
});

test('wrong arguments are refused', () => {
  for (const dimension of [0, 7, -1, 8.5, Number.NaN, 16_385, 1e12, '384', null]) {
    expect(codeOf(() => hashingEmbedder({ dimension: dimension as number }))).toBe(
      'INVALID_ARGUMENT',
    );
  }
  expect(codeOf(() => hashingEmbedder(384 as never))).toBe('INVALID_ARGUMENT');
  expect(codeOf(() => hashingEmbedder(null as never))).toBe('INVALID_ARGUMENT');
  expect(() => hashingEmbedder({ dimensions: 384 } as never)).toThrow(/did you mean dimension/);
  expect(codeOf(() => embedder.embed(undefined as never))).toBe('INVALID_ARGUMENT');
  expect(codeOf(() => embedder.embedMany('text' as never))).toBe('INVALID_ARGUMENT');
  expect(codeOf(() => embedder.embedMany([1] as never))).toBe('INVALID_ARGUMENT');
});
