/**
 * The table format, version 1, held fast: files of earlier builds are read, and the same entries give the
 * same bytes. A change of either needs a new version number, not a new fixture.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DELETE, MERGE, SET } from '../../src/lsm/entry.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import { collectEntries, type Entry } from './array-cursor.ts';
import { buildTable, openTable } from './build-table.ts';

const list = encodeList(Uint32Array.of(0, 1, 5, 70_000, 0xffffffff));
const operand = encodeEdges(Uint32Array.of(9), Uint32Array.of(1, 300));
const none = new Uint8Array(0);

/** Every kind, both optional columns present and left out, a key over two blocks. */
const entries: Entry[] = [
  { hi: 1, lo: 2, sequence: 2 ** 32 + 1, kind: MERGE, value: operand },
  { hi: 1, lo: 2, sequence: 7, kind: SET, value: list },
  { hi: 1, lo: 3, sequence: 6, kind: DELETE, value: none },
  { hi: 2, lo: 0, sequence: 5, kind: SET, value: none },
  ...[40, 39, 38, 37, 36, 35].map(
    (sequence): Entry => ({ hi: 2, lo: 1, sequence, kind: MERGE, value: operand }),
  ),
  { hi: 0xffffffff, lo: 0xffffffff, sequence: 2 ** 53 - 1, kind: SET, value: new Uint8Array(100) },
];

const options = { number: 12, tree: 1, level: 2, epoch: 34, blockBytes: 128, layout: 'hybrid' };

const fixtures = [
  { file: 'plain.table', options: { ...options, filterBitsPerKey: 10 } },
  { file: 'lz4.table', options: { ...options, filterBitsPerKey: 0, codec: 'lz4' } },
] as const;

test.each(fixtures)('$file of version 1 is read', ({ file }) => {
  const reader = openTable(readFileSync(`test/fixtures/v1/${file}`));
  const cursor = reader.cursor();
  cursor.seekFirst();
  expect(collectEntries(cursor)).toEqual(entries);
  const { properties } = reader;
  expect(properties).toMatchObject({ tree: 1, level: 2, epoch: 34, layout: 'hybrid' });
  expect(properties.storedBytes < properties.rawBytes).toBe(properties.codec === 'lz4');
  reader.check((what) => expect(what).toBe('nothing'));
});

test('the same entries give the same bytes', () => {
  const { file, options } = fixtures[0];
  const { bytes } = buildTable(entries, options);
  expect(Buffer.from(bytes).toString('hex')).toBe(
    readFileSync(`test/fixtures/v1/${file}`).toString('hex'),
  );
});
