/** Version and pointer files: written as version 2 says, read back as they were, any flipped bit noticed. */
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
    run: 8 - level,
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
      keys: 2,
      merges: 1,
      deletes: 1,
    },
  })),
};

const goldenBytes =
  '5356563102000000070000000900000006000000050000000200000002000000020000000105096772617068' +
  '61646a6163656e63790205006865616473050000000100000001000000010000000300000000000000ffffff' +
  'ff01000000000000000100000000000000000000000200000008000000020000000100000001000000040000' +
  '000105000001000000010000000300000000000000ffffffff01000000000000000100000000000000000000' +
  '0002000000070000000200000001000000010000009e5bd606';

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
        run: level === 0 ? 900 - i : 40,
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
          keys: entries,
          merges: entries >>> 1,
          deletes: entries >>> 2,
        },
      })),
    ),
  }));

test('version 2 is written as it always was', () => {
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

test('tables of one run that overlap, and runs out of order, are noticed', () => {
  const [top] = golden.tables;
  const of = (...places: (readonly [level: number, run: number, number: number])[]) =>
    places.map(([level, run, number]) => ({ level, run, meta: { ...top.meta, number } }));
  for (const tables of [of([0, 8, 5], [0, 8, 4]), of([3, 4, 5], [3, 8, 4]), of([0, 9, 5])]) {
    const bytes = encodeVersion({ ...golden, tables }, hasher);
    expectCorruption(() => decodeVersion(bytes, 7, 'f', hasher));
  }
  const tables = of([0, 8, 4], [0, 7, 5], [3, 8, 2]);
  const bytes = encodeVersion({ ...golden, tables }, hasher);
  expect(decodeVersion(bytes, 7, 'f', hasher).tables).toEqual(tables);
});

test('a version file of format 1 is refused', () => {
  const bytes = encodeVersion(golden, hasher);
  bytes[4] = 1;
  const end = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(end, hasher.hash32(bytes.subarray(0, end), 7), true);
  expect(() => decodeVersion(bytes, 7, 'f', hasher)).toThrow(/version format 1 in f/);
});
