/** What the engine refuses before it believes it: options, and versions with a right checksum that cannot be. */
import { describe, expect, test } from 'vitest';
import { PLAIN } from '../../bench/soak/engine-model.ts';
import { AssertionError } from '../../src/base/assert.ts';
import { loadHasher } from '../../src/base/hasher.ts';
import { decodeVersion, encodePointer, encodeVersion } from '../../src/lsm/version-format.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { DIRECTORY, openTiny, tinyOptions } from './engine-harness.ts';

/** Options as they come from callers without types. */
const wrong: readonly (readonly [what: string, changes: object])[] = [
  ["durability: expected 'sync', 'os' or 'none', got often", { durability: 'often' }],
  ["compaction: expected 'leveled' or 'tiered', got none", { compaction: 'none' }],
  ["executor: expected 'slices' or 'worker', got all", { executor: 'all' }],
  ['backgroundBytesPerSecond: expected a number above 0', { backgroundBytesPerSecond: 0 }],
  ['backgroundBytesPerSecond: expected a number above 0', { backgroundBytesPerSecond: NaN }],
  ['memtableBytes (or memoryBytes)', { memtableBytes: undefined }],
  ['blockCacheBytes (or memoryBytes)', { blockCacheBytes: undefined }],
  ['levelRatio', { levelRatio: 1.5 }],
  ['tableBytes', { tableBytes: 0 }],
  ['openTablesMax', { openTablesMax: 0 }],
  ['the id of a is 256, expected 0 to 255', { trees: [{ id: 256, name: 'a' }] }],
  ['the id of a is 0.5, expected 0 to 255', { trees: [{ id: 0.5, name: 'a' }] }],
  [
    'the id 1 is there twice',
    {
      trees: [
        { id: 1, name: 'a' },
        { id: 1, name: 'b' },
      ],
    },
  ],
  ['the name of 1 is longer than 255 bytes', { trees: [{ id: 1, name: 'é'.repeat(128) }] }],
  [
    'a names an unknown merge operator, sum',
    { trees: [{ id: 1, name: 'a', mergeOperator: 'sum' }] },
  ],
  ['filterBits of a: expected', { trees: [{ id: 1, name: 'a', filterBits: 'few' }] }],
  ['lastLevelFilter of a: expected', { trees: [{ id: 1, name: 'a', lastLevelFilter: 1 }] }],
  ['blockBytes of a', { trees: [{ id: 1, name: 'a', blockBytes: 0 }] }],
  [
    "codec of a: expected 'none' or 'lz4', got zstd",
    { trees: [{ id: 1, name: 'a', codec: 'zstd' }] },
  ],
  ['layout of a: expected a string, got 3', { trees: [{ id: 1, name: 'a', layout: 3 }] }],
  ["unknown option 'filterBit'; did you mean", { trees: [{ id: 1, name: 'a', filterBit: 3 }] }],
  ['the name of 1 is undefined, expected a string', { trees: [{ id: 1 }] }],
  ['the name of 1 is , expected a string', { trees: [{ id: 1, name: '' }] }],
  [
    'the name a is there twice',
    {
      trees: [
        { id: 1, name: 'a' },
        { id: 2, name: 'a' },
      ],
    },
  ],
  ['trees: expected an object, got null', { trees: [null] }],
  ['trees: expected an array', { trees: undefined }],
  ['trees: expected 1 to 254 trees, got 0', { trees: [] }],
  ["unknown option 'memtableByte'; did you mean 'memtableBytes'?", { memtableByte: 4096 }],
  ['memtableBytes (or memoryBytes): expected at most', { memtableBytes: 2 ** 33 }],
  ['hasher: expected what', { hasher: undefined }],
  ['hasher: expected what', { hasher: loadHasher() }],
  ['readOnly: expected a boolean, got yes', { readOnly: 'yes' }],
  ['autoCompact: expected a boolean, got 1', { autoCompact: 1 }],
  ['replay: expected a function, got an object', { replay: {} }],
  ['backgroundBytesPerSecond: expected a number', { backgroundBytesPerSecond: '10' }],
  ['blockBytes: expected a number from 1 on, got 4k', { blockBytes: '4k' }],
];

test.each(wrong)('%s', async (message, changes) => {
  const disk = new MemoryFileSystem();
  await expect(openTiny(disk, changes)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(message),
  });
  expect(disk.exists(DIRECTORY)).toBe(false);
});

describe('a version that is whole and cannot be', () => {
  const { hasher } = tinyOptions();
  const meta = {
    number: 5,
    tree: PLAIN,
    sizeBytes: 100,
    entries: 3,
    smallestHi: 0,
    smallestLo: 1,
    largestHi: 0,
    largestLo: 9,
    smallestSequence: 1,
    largestSequence: 9,
    keys: 3,
    merges: 1,
    deletes: 1,
  };
  const table = { level: 0, run: 5, meta };
  const version = {
    number: 7,
    nextFileNumber: 9,
    logNumber: 6,
    sequence: 9,
    trees: [{ id: PLAIN, name: 'plain', mergeOperator: '' }],
    tables: [table],
  };

  function decoded(bytes: Uint8Array): unknown {
    return decodeVersion(bytes, 7, 'a file', hasher);
  }

  /** The version with `value` at `offset`, under a right checksum. */
  function patched(offset: number, value: number, bytes = 4): Uint8Array {
    const encoded = encodeVersion(version, hasher);
    const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    if (bytes === 1) view.setUint8(offset, value);
    else view.setUint32(offset, value, true);
    const end = encoded.length - 4;
    view.setUint32(end, hasher.hash32(encoded.subarray(0, end), 7), true);
    return encoded;
  }

  test('this one can', () => {
    expect(decoded(encodeVersion(version, hasher))).toEqual(version);
  });

  test.each([
    ['a number above the next one', { number: 9 }],
    ['no run of the past', { run: 9 }],
    ['a level too many', { level: 7 }],
    ['a tree that is not there', { tree: 99 }],
    ['more keys than entries', { keys: 4 }],
    ['more operands and tombstones than entries', { merges: 3 }],
    ['a sequence of the future', { largestSequence: 10 }],
    ['sequences the wrong way round', { smallestSequence: 10 }],
    ['keys the wrong way round', { smallestLo: 10 }],
  ])('%s', (_what, changes) => {
    const changed = { ...table, ...changes, meta: { ...meta, ...changes } };
    expect(() => decoded(encodeVersion({ ...version, tables: [changed] }, hasher))).toThrow(
      'impossible table in a version',
    );
  });

  test('tables of one level in a wrong order', () => {
    const other = { ...table, level: 1, run: 4, meta: { ...meta, number: 4 } };
    const unordered = { ...version, tables: [other, { ...other, meta }] };
    expect(() => decoded(encodeVersion(unordered, hasher))).toThrow('out of order');
  });

  test.each([
    ['version says another number', patched(8, 3)],
    ['impossible counters', patched(12, 5)],
    ['impossible counters', patched(24, 0xffffffff)],
    ['more trees and tables than the version has bytes for', patched(28, 1_000_000)],
    ['more trees and tables than the version has bytes for', patched(32, 1_000_000)],
    ['malformed trees', patched(28, 2)],
    ['malformed trees', patched(28, 0)],
    ['malformed trees', patched(37, 200, 1)],
  ])('%s', (message, bytes) => {
    expect(() => decoded(bytes)).toThrow(message);
  });

  test('a pointer to it makes no engine', async () => {
    const disk = new MemoryFileSystem();
    disk.makeDirectory(DIRECTORY);
    const files = { '000007.version': patched(12, 5), CURRENT: encodePointer(7, hasher) };
    for (const [name, bytes] of Object.entries(files)) {
      const file = disk.open(`${DIRECTORY}/${name}`, 'create');
      file.write(bytes, 0);
      file.close();
    }
    await expect(openTiny(disk)).rejects.toThrow('impossible counters');
  });
});

test('keys, values and sequence numbers that types would refuse are refused without types, too', async () => {
  const engine = await openTiny(new MemoryFileSystem());
  const given = <T>(value: unknown): T => value as T;
  const batch = new WriteBatch();
  const wrong = [
    () => batch.set(PLAIN, 0, 1, given('hello')),
    () => batch.set(PLAIN, 0, given('1'), new Uint8Array(1)),
    () => engine.get(PLAIN, given('0'), 1),
    () => engine.get(PLAIN, 0, given(undefined)),
    () => engine.getInto(PLAIN, 0, -1, new Uint8Array(1)),
    () => engine.scan(PLAIN, given({ fromHi: 0, fromLo: 0, toHi: 0 })),
    () => engine.scan(PLAIN, { fromHi: -1, fromLo: 0, toHi: 0, toLo: 0 }),
    () => engine.iterator(PLAIN, given({ from: { hi: 0.5, lo: 0 } })),
  ];
  for (const call of wrong) expect(call).toThrow(AssertionError);
  // Nothing is durable by leaving its number out.
  await expect(engine.committed(given(undefined))).rejects.toThrow(AssertionError);
  expect(batch.entryCount).toBe(0);
  await engine.close();
});
