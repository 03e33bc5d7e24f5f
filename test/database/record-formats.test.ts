import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBody, encodeBody } from '../../src/database/body.ts';
import { decodeHead, encodeHead, headNode, NO_NODE } from '../../src/database/head.ts';
import { encodeId } from '../../src/database/record-id.ts';
import {
  decodeVectorAttachment,
  encodeVectorAttachment,
} from '../../src/database/vector-attachment.ts';
import { isDatabaseError } from '../../src/errors.ts';

const head = fc.record({
  node: fc.oneof(fc.constant(NO_NODE), fc.integer({ min: 0, max: 0xffffffff })),
  hasBody: fc.boolean(),
  namespace: fc.string({ maxLength: 300 }),
  id: fc.string({ minLength: 1, maxLength: 9 }).map((id) => encodeId(id)),
});

test('a head survives a round trip, and its node is read without the rest', () => {
  fc.assert(
    fc.property(head, (given) => {
      const bytes = encodeHead(given);
      expect(decodeHead(bytes)).toEqual(given);
      expect(headNode(bytes)).toBe(given.node);
    }),
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
