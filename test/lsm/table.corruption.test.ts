/** A damaged table gives the right answer or CORRUPTION: never another error, never a wrong answer. */
import { expect, test } from 'vitest';
import { CorruptionError } from '../../src/errors.ts';
import { MERGE, SEQUENCE_MAX, SET } from '../../src/lsm/entry.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import type { TableReader } from '../../src/lsm/table-reader.ts';
import { collectEntries, type Entry, naiveRead } from './array-cursor.ts';
import { buildTable, openTable, readKey } from './build-table.ts';

const ascending = Uint32Array.from({ length: 40 }, (_, i) => i);

/** Three versions of each of eight keys; a block holds a few entries. */
const entries: Entry[] = Array.from({ length: 24 }, (_, i) => {
  const key = { hi: i < 12 ? 3 : 4, lo: Math.floor(i / 3), sequence: 100 - i };
  if (i % 3 < 2) {
    return { ...key, kind: MERGE, value: encodeEdges(Uint32Array.of(i), Uint32Array.of(50 + i)) };
  }
  return { ...key, kind: SET, value: encodeList(ascending) };
});

/** Everything that the table can be asked, as one string; damage that is noticed as a word. */
function answers(bytes: Uint8Array): string[] {
  let reader: TableReader;
  try {
    reader = openTable(bytes);
  } catch (error) {
    if (error instanceof CorruptionError) return ['corruption'];
    throw error;
  }
  const asked = [0, 1, 5, 7].map(
    (lo) => () => readKey(reader, lo < 4 ? 3 : 4, lo, SEQUENCE_MAX)?.join(),
  );
  const scan = (): string => {
    const cursor = reader.cursor({ fillCache: false });
    cursor.seekFirst();
    return JSON.stringify(collectEntries(cursor));
  };
  return [...asked, scan].map((ask) => {
    try {
      return ask() ?? 'nothing';
    } catch (error) {
      if (error instanceof CorruptionError) return 'corruption';
      throw error;
    }
  });
}

function expectRightOrCorruption(damaged: Uint8Array, right: string[], what: string): void {
  const got = answers(damaged);
  if (got.length === 1) {
    expect(got, what).toEqual(['corruption']);
    return;
  }
  for (let i = 0; i < right.length; i++) {
    if (got[i] !== 'corruption' && got[i] !== right[i]) expect(got[i], what).toBe(right[i]);
  }
}

const variants = [
  { name: 'plain', codec: 'none', filterBitsPerKey: 10, blockBytes: 128 },
  { name: 'LZ4, no filter', codec: 'lz4', filterBitsPerKey: 0, blockBytes: 512 },
] as const;

for (const { name, ...options } of variants) {
  const { bytes, properties } = buildTable(entries, options);

  test(`the undamaged table answers (${name})`, () => {
    expect(properties.blocks).toBeGreaterThan(1);
    if (options.codec === 'lz4') expect(properties.storedBytes).toBeLessThan(properties.rawBytes);
    expect(answers(bytes)[2]).toBe(naiveRead(entries, 4, 5, SEQUENCE_MAX)?.join());
  });

  test(`any flipped bit (${name})`, () => {
    const right = answers(bytes);
    const damaged = bytes.slice();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      damaged[bit >>> 3] ^= 1 << (bit & 7);
      expectRightOrCorruption(damaged, right, `bit ${bit}`);
      damaged[bit >>> 3] ^= 1 << (bit & 7);
    }
  });

  test(`any lost tail, and any zeroed one (${name})`, () => {
    const right = answers(bytes);
    for (let length = 0; length < bytes.length; length++) {
      expect(answers(bytes.subarray(0, length)), `length ${length}`).toEqual(['corruption']);
      const zeroed = bytes.slice().fill(0, length);
      expectRightOrCorruption(zeroed, right, `zeroes from ${length}`);
    }
  });
}

test('a block in the place of another, or of another table, is noticed', () => {
  const same = entries.map((e) => ({ ...e, value: entries[2].value, kind: SET }) as Entry);
  const { bytes } = buildTable(same, { blockBytes: 1, filterBitsPerKey: 0 });
  const right = answers(bytes);
  expect(right).not.toContain('corruption');
  const { bytes: other } = buildTable(same, { blockBytes: 1, filterBitsPerKey: 0, number: 13 });
  const stride = 80; // 16 + 13 + 41 + 5, aligned to 8.
  const moved = bytes.slice();
  moved.copyWithin(stride, 2 * stride, 3 * stride);
  expect(answers(moved)).toContain('corruption');
  const mixed = bytes.slice();
  mixed.set(other.subarray(0, stride), 0);
  expect(answers(mixed)).toContain('corruption');
});

test('a table under another number is refused', () => {
  const { bytes } = buildTable(entries, { number: 13 });
  expect(() => openTable(bytes)).toThrow(CorruptionError);
  expect(() => openTable(bytes)).toThrow(/number 13/);
});

test('an error names the file and the offset', () => {
  const { bytes } = buildTable(entries, { filterBitsPerKey: 0 });
  const damaged = bytes.slice();
  damaged[20] ^= 1;
  const reader = openTable(damaged);
  let caught: unknown;
  try {
    readKey(reader, 3, 0, SEQUENCE_MAX);
  } catch (error) {
    caught = error;
  }
  expect((caught as CorruptionError).location).toEqual({ file: '000012.table', offset: 0 });
  const problems: [string, number][] = [];
  reader.check((what, offset) => problems.push([what, offset]));
  expect(problems).toEqual([[expect.stringMatching(/checksum/), 0]]);
});
