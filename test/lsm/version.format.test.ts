/** Version and pointer files: written as version 1 says, read back as they were, any flipped bit noticed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { fileName, parseFileName } from '../../src/lsm/file-names.ts';
import {
  decodePointer,
  decodeVersion,
  encodePointer,
  encodeVersion,
  type StoredVersion,
} from '../../src/lsm/version-format.ts';

const hasher = await loadHasher();
const u32 = fc.integer({ min: 0, max: 0xffffffff });

const golden: StoredVersion = {
  number: 7,
  nextFileNumber: 9,
  logNumber: 6,
  sequence: 2 ** 33 + 5,
  trees: [
    { id: 1, name: 'graph', mergeOperator: 'adjacency' },
    { id: 2, name: 'heads', mergeOperator: '' },
  ],
  tables: [5, 4].map((number, level) => ({
    level: 5 * level,
    meta: {
      number,
      tree: 1,
      sizeBytes: 2 ** 32 + 1,
      entries: 3,
      smallestHi: 0,
      smallestLo: 0xffffffff,
      largestHi: 1,
      largestLo: 0,
      smallestSequence: 1,
      largestSequence: 2 ** 33,
    },
  })),
};

const goldenBytes =
  '5356563101000000070000000900000006000000050000000200000002000000020000000105096772617068' +
  '61646a6163656e63790205006865616473050000000100000001000000010000000300000000000000ffffff' +
  'ff01000000000000000100000000000000000000000200000004000000010500000100000001000000030000' +
  '0000000000ffffffff010000000000000001000000000000000000000002000000b2c956bb';

/** Tables of one tree, in L0 and one level below, in their order. */
const version: fc.Arbitrary<StoredVersion> = fc
  .record({
    sequence: fc.maxSafeNat(),
    logNumber: fc.nat(1000),
    name: fc.string({ maxLength: 30 }),
    counts: fc.tuple(fc.nat(5), fc.nat(5)),
    sizeBytes: fc.maxSafeNat(),
    entries: u32,
  })
  .map(({ sequence, logNumber, name, counts, sizeBytes, entries }) => ({
    number: 1000,
    nextFileNumber: 1001,
    logNumber,
    sequence,
    trees: [{ id: 255, name, mergeOperator: '' }],
    tables: counts.flatMap((count, level) =>
      Array.from({ length: count }, (_, i) => ({
        level: 6 * level,
        meta: {
          number: 500 - i,
          tree: 255,
          sizeBytes,
          entries,
          smallestHi: i,
          smallestLo: 1,
          largestHi: i,
          largestLo: 0xffffffff,
          smallestSequence: 0,
          largestSequence: sequence,
        },
      })),
    ),
  }));

test('version 1 is written as it always was', () => {
  expect(Buffer.from(encodeVersion(golden, hasher)).toString('hex')).toBe(goldenBytes);
  expect(decodeVersion(Buffer.from(goldenBytes, 'hex'), 7, 'f', hasher)).toEqual(golden);
  expect(Buffer.from(encodePointer(7, hasher)).toString('hex')).toBe(
    '5356435001000000070000005b781ca7',
  );
});

test('a version comes back as it was', () => {
  fc.assert(
    fc.property(version, (stored) => {
      const bytes = encodeVersion(stored, hasher);
      expect(decodeVersion(bytes, stored.number, 'f', hasher)).toEqual(stored);
    }),
  );
});

function expectCorruption(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    expect(isDatabaseError(error) && error.code).toBe('CORRUPTION');
    return;
  }
  expect.unreachable();
}

test('any flipped bit, and any missing end, of a version or a pointer is noticed', () => {
  fc.assert(
    fc.property(version, fc.nat(), fc.boolean(), (stored, at, isCut) => {
      const files = [
        [encodeVersion(stored, hasher), (b: Uint8Array) => decodeVersion(b, 1000, 'f', hasher)],
        [encodePointer(1000, hasher), (b: Uint8Array) => decodePointer(b, 'f', hasher)],
      ] as const;
      for (const [bytes, decode] of files) {
        const bit = at % (8 * bytes.length);
        if (!isCut) bytes[bit >>> 3] ^= 1 << (bit & 7);
        expectCorruption(() => decode(isCut ? bytes.subarray(0, bit >>> 3) : bytes));
      }
    }),
  );
});

test('a version is not taken for another', () => {
  expectCorruption(() => decodeVersion(encodeVersion(golden, hasher), 8, 'f', hasher));
});

test('only names that the engine gives are its own', () => {
  for (const [number, name] of [
    [1, '000001.table'],
    [999999, '999999.table'],
    [1234567, '1234567.table'],
  ] as const) {
    expect(fileName('table', number)).toBe(name);
    expect(parseFileName(name)).toEqual({ kind: 'table', number });
  }
  for (const name of ['1.table', '0000001.table', '000001.tab', '000001.table~', 'CURRENT', '']) {
    expect(parseFileName(name)).toBeUndefined();
  }
});
