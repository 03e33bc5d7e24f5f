/** Batches survive their encoding, and damaged ones are recognised without an exception. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchReader, decodeAttachments, WriteBatch } from '../../src/lsm/write-batch.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const entry = fc.record({
  kind: fc.constantFrom(1 as const, 2 as const, 3 as const),
  tree: fc.nat(255),
  hi: u32,
  lo: u32,
  value: fc.uint8Array({ maxLength: 300 }),
});

function encode(
  entries: { kind: 1 | 2 | 3; tree: number; hi: number; lo: number; value: Uint8Array }[],
): WriteBatch {
  const batch = new WriteBatch();
  for (const { kind, tree, hi, lo, value } of entries) {
    if (kind === 1) batch.set(tree, hi, lo, value);
    else if (kind === 2) batch.merge(tree, hi, lo, value);
    else batch.delete(tree, hi, lo);
  }
  return batch;
}

function decode(bytes: Uint8Array): { entries: unknown[]; isDamaged: boolean } {
  const reader = new BatchReader(bytes);
  const entries: unknown[] = [];
  while (reader.next()) {
    const { kind, tree, hi, lo, valueStart, valueLength } = reader;
    entries.push({ kind, tree, hi, lo, value: bytes.slice(valueStart, valueStart + valueLength) });
  }
  return { entries, isDamaged: reader.isDamaged };
}

test('entries come back as they were', () => {
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const expected = entries.map((one) =>
        one.kind === 3 ? { ...one, value: new Uint8Array(0) } : one,
      );
      const batch = encode(entries);
      expect(batch.entryCount).toBe(entries.length);
      expect(decode(batch.entryBytes())).toEqual({ entries: expected, isDamaged: false });
    }),
  );
});

test('attachments come back as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (attachments) => {
      const batch = new WriteBatch();
      for (const bytes of attachments) batch.attach(bytes);
      expect(decodeAttachments(batch.attachmentBytes())).toEqual(attachments);
    }),
  );
});

test('a batch that is cut off is damaged, or ends between two entries', () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 5 }), fc.nat(), (entries, at) => {
      const bytes = encode(entries).entryBytes();
      const cut = at % bytes.length;
      const { entries: read, isDamaged } = decode(bytes.subarray(0, cut));
      expect(read.length).toBeLessThan(entries.length);
      const whole = encode(entries.slice(0, read.length)).entryBytes().length;
      expect(isDamaged).toBe(whole !== cut);
    }),
  );
});
