import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeList,
  encodeEdges,
  encodeList,
  listCount,
  MALFORMED,
  readEdges,
  readList,
} from '../../src/lsm/list-codec.ts';

const u32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffffffff }));
const idSet = fc.uniqueArray(u32, { maxLength: 200 }).map((ids) => Uint32Array.from(ids).sort());

test('a list survives a round trip', () => {
  fc.assert(
    fc.property(idSet, (ids) => {
      const bytes = encodeList(ids);
      const into = new Uint32Array(ids.length + 3);
      expect(listCount(bytes)).toBe(ids.length);
      expect(decodeList(bytes, into)).toBe(ids.length);
      expect(into.subarray(0, ids.length)).toEqual(ids);
      expect(readList(bytes)).toEqual(ids);
    }),
  );
});

test('neighbouring ids take a byte each', () => {
  expect(encodeList(Uint32Array.of(5, 6, 7, 135))).toEqual(Uint8Array.of(4, 5, 0, 0, 127));
});

test('an operand survives a round trip', () => {
  fc.assert(
    fc.property(idSet, fc.array(fc.boolean(), { minLength: 200, maxLength: 200 }), (ids, sides) => {
      const added = ids.filter((_, i) => sides[i]);
      const removed = ids.filter((_, i) => !sides[i]);
      expect(readEdges(encodeEdges(added, removed))).toEqual({ added, removed });
    }),
  );
});

test('bytes that decode are the only encoding of what they say', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.uint8Array({ maxLength: 12, max: 3 }),
  );
  fc.assert(
    fc.property(bytes, (bytes) => {
      const list = readList(bytes);
      if (list !== undefined) expect(encodeList(list)).toEqual(bytes);
      const edges = readEdges(bytes);
      if (edges !== undefined) expect(encodeEdges(edges.added, edges.removed)).toEqual(bytes);
    }),
    { numRuns: 5000 },
  );
});

test('malformed lists are told apart', () => {
  const malformed: Record<string, number[]> = {
    'no bytes': [],
    'a count beyond the bytes': [2, 1],
    'a huge count': [0xff, 0xff, 0xff, 0xff, 0x0f, 1],
    'a count of six bytes': [0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    'a count in a longer form': [0x81, 0x00, 1],
    'an id in a longer form': [1, 0x81, 0x00],
    'an id above 32 bits': [1, 0xff, 0xff, 0xff, 0xff, 0x10],
    'ids that overflow': [2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0],
    'bytes behind the list': [1, 1, 1],
  };
  for (const [what, bytes] of Object.entries(malformed)) {
    expect(readList(Uint8Array.from(bytes)), what).toBeUndefined();
    expect(decodeList(Uint8Array.from(bytes), new Uint32Array(8)), what).toBe(MALFORMED);
  }
});

test('a list longer than the room for it is refused', () => {
  expect(decodeList(encodeList(Uint32Array.of(1, 2)), new Uint32Array(1))).toBe(MALFORMED);
});

test('an edge both added and removed is malformed', () => {
  expect(readEdges(Uint8Array.of(1, 7, 1, 7))).toBeUndefined();
});
