import { expect, test } from 'vitest';
import { loadHasher } from '../../../src/base/hasher.ts';
import { DELETE, MERGE, SET } from '../../../src/lsm/entry.ts';
import { rewriteTree } from '../../../src/lsm/repair/rewrite-tree.ts';
import { salvageTable } from '../../../src/lsm/repair/salvage-table.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { readAll } from '../../damage.ts';
import { ArrayCursor, type Entry } from '../array-cursor.ts';

const hasher = await loadHasher();

function entry(lo: number, sequence: number, kind: Entry['kind'], ...value: number[]): Entry {
  return { hi: 0, lo, sequence, kind, value: Uint8Array.from(value) };
}

test('of inputs of a compaction and its output, what is folded furthest is kept, whatever the order', async () => {
  const inputs = [
    entry(1, 5, MERGE, 1, 1, 1),
    entry(1, 3, SET, 9),
    entry(2, 6, MERGE, 1),
    entry(3, 7, DELETE),
  ];
  const output = [entry(1, 5, SET, 9, 1), entry(2, 6, MERGE, 1, 2), entry(4, 2, SET, 4)];
  for (const sources of [
    [inputs, output],
    [output, inputs],
  ]) {
    const disk = new MemoryFileSystem();
    disk.makeDirectory('db');
    let number = 0;
    const tables = await rewriteTree(
      { fileSystem: disk, directory: 'db', hasher },
      sources.map((entries) => new ArrayCursor(entries)),
      {
        spec: { id: 1, name: 'words' },
        level: 6,
        blockBytes: 4096,
        tableBytes: 1,
        newNumber: () => ++number,
      },
    );
    // One table for each key: a key never lies in two.
    expect(tables.map(({ smallestLo, largestLo }) => [smallestLo, largestLo])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
    const found = tables.flatMap(({ number: table }) => {
      const bytes = readAll(disk, `db/${String(table).padStart(6, '0')}.table`);
      const cursor = salvageTable({ bytes, number: table, file: 'table', hasher }).cursor();
      const rows: Entry[] = [];
      for (cursor.seekFirst(); cursor.valid; cursor.next()) {
        const { lo, sequence, kind } = cursor;
        rows.push(entry(lo, sequence, kind, ...cursor.value()));
      }
      return rows;
    });
    expect(found).toEqual([
      entry(1, 5, SET, 9, 1),
      entry(1, 3, SET, 9),
      entry(2, 6, MERGE, 1, 2),
      entry(3, 7, DELETE),
      entry(4, 2, SET, 4),
    ]);
  }
});
