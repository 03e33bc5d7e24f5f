import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBody, encodeBody } from '../../src/database/body.ts';
import {
  decodeHead,
  EXPIRES_AT_MAX,
  encodeHead,
  headNode,
  NO_NODE,
  nodeOf,
  withNode,
} from '../../src/database/head.ts';
import { encodeId } from '../../src/database/record-id.ts';
import {
  decodeVectorAttachment,
  encodeVectorAttachment,
} from '../../src/database/vector-attachment.ts';
import { isDatabaseError } from '../../src/errors.ts';

const node = fc.integer({ min: 0, max: 0xffffffff });
const named = fc
  .uniqueArray(fc.record({ ordinal: fc.integer({ min: 1, max: 255 }), node }), {
    selector: ({ ordinal }) => ordinal,
    maxLength: 6,
  })
  .map((nodes) => nodes.sort((a, b) => a.ordinal - b.ordinal));
const head = fc.record({
  node: fc.oneof(fc.constant(NO_NODE), node),
  named,
  expiresAt: fc.option(
    fc.maxSafeNat().map((ms) => ms % (EXPIRES_AT_MAX + 1)),
    { nil: undefined },
  ),
  hasBody: fc.boolean(),
  namespace: fc.string({ maxLength: 300 }),
  id: fc.string({ minLength: 1, maxLength: 9 }).map((id) => encodeId(id)),
});

test('a head survives a round trip, and its nodes are read without the rest', () => {
  fc.assert(
    fc.property(head, fc.integer({ min: 1, max: 255 }), (given, other) => {
      const bytes = encodeHead(given);
      expect(decodeHead(bytes)).toEqual(given);
      expect(headNode(bytes)).toBe(given.node);
      for (const ordinal of [0, other, ...given.named.map((space) => space.ordinal)]) {
        expect(headNode(bytes, ordinal)).toBe(nodeOf(given, ordinal));
      }
    }),
  );
});

test('a head holds the latest expiry and a namespace with named nodes, byte for byte', () => {
  const id = encodeId('a');
  const expiring = { node: 1, named: [], hasBody: true, expiresAt: EXPIRES_AT_MAX };
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  expect(hex(encodeHead({ ...expiring, namespace: '', id }))).toBe('0701000000ffffffffffff000061');
  const named = [
    { ordinal: 1, node: 0x01020304 },
    { ordinal: 255, node: 9 },
  ];
  const bytes = encodeHead({
    node: NO_NODE,
    named,
    hasBody: false,
    expiresAt: 0x0a0b0c0d0e,
    namespace: 'n',
    id,
  });
  expect(hex(bytes)).toBe('0c0e0d0c0b0a00020104030201ff09000000016e0061');
});

test('a node is put into a head, replaced and taken out', () => {
  fc.assert(
    fc.property(head, fc.integer({ min: 0, max: 255 }), node, (given, ordinal, put) => {
      const without = withNode(given, ordinal, NO_NODE);
      expect(nodeOf(without, ordinal)).toBe(NO_NODE);
      const put1 = withNode(given, ordinal, put);
      expect(nodeOf(decodeHead(encodeHead(put1)), ordinal)).toBe(put);
      expect(withNode(put1, ordinal, NO_NODE)).toEqual(without);
    }),
  );
});

test('a head cut short is corruption, not another head', () => {
  fc.assert(
    fc.property(
      head,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (given, cut) => {
        const bytes = encodeHead(given);
        const short = bytes.subarray(0, Math.floor(cut * (bytes.length - given.id.length + 1)));
        expect(() => decodeHead(short)).toThrow('malformed');
      },
    ),
  );
});

const text = fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined });
const metadata = fc.option(
  fc.jsonValue().map((value) => JSON.stringify(value)),
  { nil: undefined },
);

test('a body survives a round trip', () => {
  fc.assert(
    fc.property(metadata, text, (json, words) => {
      const bytes = encodeBody(json, words);
      if (json === undefined && words === undefined) expect(bytes).toBeUndefined();
      else {
        const expected = json === undefined ? undefined : JSON.parse(json);
        expect(decodeBody(bytes ?? new Uint8Array())).toEqual({ metadata: expected, text: words });
      }
    }),
  );
});

test('a vector in the log survives a round trip, bit for bit', () => {
  const vector = fc.float32Array({ minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(vector, fc.nat(), (given, node) => {
      const attachment = { space: 3, node, record: 7, vector: given };
      const decoded = decodeVectorAttachment(encodeVectorAttachment(attachment));
      expect(decoded.node).toBe(node);
      expect(new Uint8Array(decoded.vector.buffer, 12)).toEqual(
        new Uint8Array(given.slice().buffer),
      );
    }),
  );
});

test('decoders take any bytes: a value, or corruption', () => {
  const decoders = [decodeHead, decodeBody, decodeVectorAttachment];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...decoders), (bytes, decode) => {
      try {
        decode(bytes);
      } catch (error) {
        expect(isDatabaseError(error) && error.code).toBe('CORRUPTION');
      }
    }),
  );
});
