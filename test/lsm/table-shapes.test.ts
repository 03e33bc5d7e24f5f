/**
 * Tables that pass all checksums and cannot be: parts that contradict each other, or that lie. What reading, the
 * check, repair and the dump make of them.
 */
import { expect, test } from 'vitest';
import { CorruptionError } from '../../src/errors.ts';
import { BlockCache } from '../../src/lsm/block-cache.ts';
import { dumpTable } from '../../src/lsm/dump/dump-table.ts';
import { DELETE, SEQUENCE_MAX, SET } from '../../src/lsm/entry.ts';
import { salvageTable } from '../../src/lsm/repair/salvage-table.ts';
import {
  decodeTableFooter,
  encodeTableFooter,
  type SectionRange,
  TABLE_FOOTER_SIZE,
  type TableFooter,
} from '../../src/lsm/table-footer.ts';
import { decodeTableIndex, TableIndexBuilder } from '../../src/lsm/table-index.ts';
import { decodeTableProperties, type TableProperties } from '../../src/lsm/table-properties.ts';
import { TableReader } from '../../src/lsm/table-reader.ts';
import { SECTION_TRAILER_SIZE, sealSection } from '../../src/lsm/table-section.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import type { Entry } from './array-cursor.ts';
import { buildTable, hasher, openTable, readKey } from './build-table.ts';

const NUMBER = 12;
const PLACE = { file: 'a file', offset: 4096 };

/** Six keys, two to a block. */
const entries: Entry[] = [10, 20, 30, 40, 50, 60].map((lo, i) => ({
  hi: 0,
  lo,
  sequence: 9 + i,
  kind: SET,
  value: new Uint8Array(40).fill(lo),
}));
const whole = buildTable(entries, { blockBytes: 130 }).bytes;

function footerOf(bytes: Uint8Array): TableFooter {
  const offset = bytes.length - TABLE_FOOTER_SIZE;
  return decodeTableFooter(bytes.subarray(offset), { file: 'table', offset }, hasher);
}

/** The table with a section changed and its checksum made right again. */
function changed(
  section: SectionRange,
  change: (payload: Uint8Array, words: DataView) => void,
  codec = 0,
): Uint8Array {
  const bytes = whole.slice();
  const { offset, length } = section;
  const end = offset + length - SECTION_TRAILER_SIZE;
  change(bytes.subarray(offset, end), new DataView(bytes.buffer, offset, end - offset));
  sealSection(bytes, { start: offset, end }, { number: NUMBER, offset, codec }, hasher);
  return bytes;
}

const footer = footerOf(whole);
const blocks = salvageTable({ bytes: whole, number: NUMBER, file: 'table', hasher }).blocks;

/** With a property changed to one of as many digits. */
function withProperties(...changes: readonly (keyof TableProperties)[]): Uint8Array {
  return changed(footer.properties, (payload) => {
    let text = new TextDecoder().decode(payload);
    for (const name of changes) {
      text = text.replace(
        new RegExp(`"${name}":(\\d*)(\\d)`),
        (_, before, digit) => `"${name}":${before}${(Number(digit) + 1) % 10}`,
      );
    }
    payload.set(new TextEncoder().encode(text));
  });
}

/** With a footer that says something else, and a right checksum. */
function withFooter(changes: Partial<TableFooter>): Uint8Array {
  const bytes = whole.slice();
  bytes.set(encodeTableFooter({ ...footer, ...changes }, hasher), bytes.length - TABLE_FOOTER_SIZE);
  return bytes;
}

/** What the check says. */
function checked(bytes: Uint8Array): string[] {
  const problems: string[] = [];
  openTable(bytes).check((what) => problems.push(what.replace(/ at .*/, '')));
  return problems;
}

const lastBlock = footer.index.offset;
const indexWord = (column: number, block: number): number => 8 + 4 * (3 * column + block);

test('this one can be', () => {
  expect(blocks.map(({ block }) => block.count)).toEqual([2, 2, 2]);
  expect(lastBlock).toBeGreaterThan(0);
  expect(checked(whole)).toEqual([]);
});

test.each<[message: string, bytes: Uint8Array]>([
  ['block count contradicts the properties', withProperties('blocks')],
  ['unknown codec', changed(footer.index, () => {}, 7)],
  [
    'entry count contradicts the index',
    changed(footer.index, (_, view) => view.setUint32(indexWord(4, 1), 3, true)),
  ],
  [
    'last key contradicts the index',
    changed(footer.index, (_, view) => view.setUint32(indexWord(0, 1), 45, true)),
  ],
  [
    'blocks of a table out of order',
    changed(footer.index, (_, view) => view.setUint32(indexWord(0, 0), 45, true)),
  ],
  [
    'blocks of a table overlap',
    changed(footer.index, (_, view) => view.setUint32(indexWord(2, 1), 0, true)),
  ],
  [
    'block outside of the table',
    changed(footer.index, (_, view) => view.setUint32(indexWord(3, 2), 10_000, true)),
  ],
  [
    'block count does not fit the table index',
    changed(footer.index, (_, view) => view.setUint32(0, 2, true)),
  ],
  ['impossible length of a filter', shortFilter()],
])('no read believes it: %s', (message, bytes) => {
  const reader = openTable(bytes);
  const readAll = (): void => {
    for (const { lo } of entries) readKey(reader, 0, lo, SEQUENCE_MAX);
  };
  expect(readAll).toThrow(CorruptionError);
  expect(readAll).toThrow(message);
  expect(checked(bytes)).toEqual([message]);
});

/** The filter's first bytes as a filter. */
function shortFilter(): Uint8Array {
  const bytes = withFooter({ filter: { offset: footer.filter.offset, length: 9 } });
  const { offset } = footer.filter;
  const place = { number: NUMBER, offset, codec: 0 };
  sealSection(bytes, { start: offset, end: offset + 4 }, place, hasher);
  return bytes;
}

test.each<[messages: string[], bytes: Uint8Array]>([
  [['filter misses a key'], changed(footer.filter, (payload) => payload.fill(0))],
  [['entry count contradicts the properties'], withProperties('entries', 'sets')],
  [['largest key contradicts the properties'], withProperties('largestLo')],
  [
    ['blocks out of order', 'filter misses a key'],
    // The second block begins with key 15, before the end of the first one.
    changed(blocks[1], (_, view) => view.setUint32(16, 15, true)),
  ],
])('the check reports %j', (messages, bytes) => {
  expect([...new Set(checked(bytes))]).toEqual(messages);
});

test('a table that becomes shorter while it is open is CORRUPTION, at the offset that is not there', () => {
  const disk = new MemoryFileSystem();
  const file = disk.open('000012.table', 'create');
  file.write(whole, 0);
  const reader = TableReader.open(file, NUMBER, { cache: new BlockCache({ bytes: 4096 }), hasher });
  expect(readKey(reader, 0, 10, SEQUENCE_MAX)).toEqual(entries[0].value);
  disk.open('000012.table', 'readwrite').truncate(blocks[2].offset + 8);
  expect(readKey(reader, 0, 10, SEQUENCE_MAX)).toEqual(entries[0].value); // From the cache.
  let error: unknown;
  try {
    readKey(reader, 0, 60, SEQUENCE_MAX);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ message: expect.stringContaining('table ends early') });
  expect((error as CorruptionError).location.offset).toBe(blocks[2].offset);
});

test('a footer is refused that names another format, or sections that are none', () => {
  const bytes = whole.slice();
  const view = new DataView(bytes.buffer, bytes.length - TABLE_FOOTER_SIZE);
  view.setUint32(52, 2, true);
  const hashed = bytes.subarray(bytes.length - TABLE_FOOTER_SIZE, bytes.length - 8);
  view.setUint32(56, hasher.hash32(hashed, 0), true);
  const unsupported = expect.objectContaining({ code: 'UNSUPPORTED_FORMAT' });
  expect(() => openTable(bytes)).toThrow(unsupported);
  // Nor does repair take it for damage: a newer library can read it.
  const table = { bytes, number: NUMBER, file: 'table', hasher };
  expect(() => salvageTable(table)).toThrow(unsupported);

  const { offset, length } = footer.properties;
  for (const properties of [
    { offset: offset + 4, length: length - 8 },
    { offset, length: length + 1000 },
  ]) {
    expect(() => openTable(withFooter({ properties }))).toThrow('section outside of the file');
  }
  const tiny = { offset, length: SECTION_TRAILER_SIZE - 1 };
  expect(() => openTable(withFooter({ properties: tiny }))).toThrow('shorter than its trailer');
});

test('an index of impossible length, or without blocks, is CORRUPTION', () => {
  const builder = new TableIndexBuilder();
  builder.add({ lastHi: 0, lastLo: 1, offset: 0, length: 50, entryCount: 1 });
  const bytes = builder.encode();
  expect(decodeTableIndex(bytes, 4096, PLACE).blockCount).toBe(1);
  for (const length of [0, 7, 27]) {
    const cut = (): unknown => decodeTableIndex(bytes.slice(0, length), 4096, PLACE);
    expect(cut).toThrow('impossible length');
  }
  expect(() => decodeTableIndex(new Uint8Array(8), 4096, PLACE)).toThrow('does not fit');
});

test.each<[message: string, text: string]>([
  ['not JSON', '{"tree"'],
  ['not an object', 'null'],
  ['not an object', '7'],
  ['property tree is wrong', '{}'],
])('properties are refused: %s', (message, text) => {
  const decode = (): unknown => decodeTableProperties(new TextEncoder().encode(text), PLACE);
  expect(decode).toThrow(message);
});

test('properties are refused that contradict each other, or lack a word', () => {
  const { properties } = buildTable(entries);
  for (const changes of [{ entries: 5 }, { keys: 7 }, { entries: 0, sets: 0, keys: 0 }]) {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...properties, ...changes }));
    expect(() => decodeTableProperties(bytes, PLACE)).toThrow('contradict each other');
  }
  const bytes = new TextEncoder().encode(JSON.stringify({ ...properties, codec: 1 }));
  expect(() => decodeTableProperties(bytes, PLACE)).toThrow('property codec is wrong');
});

test('repair leaves out a block that is no block, by the index and without it', () => {
  const bytes = changed(blocks[1], (_, view) => view.setUint32(4, 4, true)); // A flag that is none.
  const table = { number: NUMBER, file: 'table', hasher };
  const byIndex = salvageTable({ ...table, bytes });
  expect(byIndex.problems).toEqual([expect.stringMatching(/^block 1 at .*: malformed$/)]);
  const searched = salvageTable({ ...table, bytes: bytes.slice(0, -TABLE_FOOTER_SIZE) });
  for (const found of [byIndex, searched]) {
    expect(found.blocks.map(({ offset }) => offset)).toEqual([blocks[0].offset, blocks[2].offset]);
    expect(found.entries).toBe(4);
  }
  const unordered = changed(blocks[1], (_, view) => view.setUint32(16, 99, true));
  expect(salvageTable({ ...table, bytes: unordered.slice(0, -64) }).entries).toBe(4);
});

test('repair finds the properties of a table that is nothing else', () => {
  const { offset, length } = footer.properties;
  const bytes = new Uint8Array(length);
  bytes.set(whole.subarray(offset, offset + length));
  sealSection(
    bytes,
    { start: 0, end: length - SECTION_TRAILER_SIZE },
    { number: NUMBER, offset: 0, codec: 0 },
    hasher,
  );
  const table = { number: NUMBER, file: 'table', hasher };
  expect(salvageTable({ ...table, bytes }).properties?.entries).toBe(6);
  bytes[20] ^= 1;
  expect(salvageTable({ ...table, bytes }).properties).toBeUndefined();
});

test('a dump of a table without a filter, with an empty value and a tombstone', () => {
  const few: Entry[] = [
    { hi: 0, lo: 1, sequence: 5, kind: SET, value: new Uint8Array(0) },
    { hi: 0, lo: 2, sequence: 4, kind: DELETE, value: new Uint8Array(0) },
  ];
  const { bytes } = buildTable(few, { filterBitsPerKey: 0 });
  const lines = [...dumpTable({ bytes, number: NUMBER, file: 'table', hasher })];
  expect(lines).toContain('filter: none');
  expect(lines.slice(-2)).toEqual(['  (0, 1) #5 SET 0 bytes', '  (0, 2) #4 DELETE 0 bytes']);
});
