/** What the dumps look like, line by line, of a small engine, whole and damaged. */
import { expect, test } from 'vitest';
import { loadHasher } from '../../../src/base/hasher.ts';
import { dumpDirectory, dumpFile } from '../../../src/lsm/dump/dump-file.ts';
import { LsmEngine } from '../../../src/lsm/engine.ts';
import { encodeEdges } from '../../../src/lsm/list-codec.ts';
import { WriteBatch } from '../../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { inflict } from '../../damage.ts';

const hasher = await loadHasher();
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A version, a table of each tree, and a log. */
async function small(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const engine = await LsmEngine.open(disk, 'db', {
    trees: [
      { id: 1, name: 'words' },
      { id: 2, name: 'lists', mergeOperator: 'adjacency' },
    ],
    hasher,
    durability: 'sync',
    memtableBytes: 4096,
    blockCacheBytes: 4096,
    blockBytes: 64,
    autoCompact: false,
  });
  const first = new WriteBatch();
  first.set(1, 0, 1, text('one'));
  first.set(1, 0, 2, text('two'));
  first.set(1, 7, 0, text('a value that is too long for one line'));
  first.merge(2, 0, 9, encodeEdges(Uint32Array.of(4, 5), new Uint32Array(0)));
  engine.write(first);
  await engine.checkpoint();
  const second = new WriteBatch();
  second.delete(1, 0, 1);
  second.attach(text('kept in the log'));
  await engine.committed(engine.write(second));
  await engine.close();
  return disk;
}

function linesOf(disk: MemoryFileSystem, name: string): string[] {
  return [...(dumpFile(disk, `db/${name}`, hasher) ?? [])];
}

function nameOf(disk: MemoryFileSystem, kind: string): string {
  return disk.list('db').find((name) => name.endsWith(kind)) ?? '';
}

test('a table', async () => {
  const disk = await small();
  expect(linesOf(disk, nameOf(disk, '.table'))).toMatchInlineSnapshot(`
    [
      "table 4, 608 bytes",
      "footer: number 4",
      "filter: 37 bytes at 128",
      "index: 53 bytes at 168",
      "properties: 315 bytes at 224",
      "  tree 1",
      "  level 0",
      "  epoch 4",
      "  entries 3",
      "  sets 3",
      "  merges 0",
      "  deletes 0",
      "  keys 3",
      "  smallestHi 0",
      "  smallestLo 1",
      "  largestHi 7",
      "  largestLo 0",
      "  smallestSequence 1",
      "  largestSequence 3",
      "  rawBytes 114",
      "  storedBytes 114",
      "  blocks 2",
      "  blockBytes 64",
      "  filterBitsPerKey 10",
      "  codec none",
      "  mergeOperator none",
      "  layout none",
      "block at 0, 53 bytes, 2 entries",
      "  (0, 1) #1 SET 3 bytes 6f6e65",
      "  (0, 2) #2 SET 3 bytes 74776f",
      "block at 56, 71 bytes, 1 entries",
      "  (7, 0) #3 SET 37 bytes 612076616c7565207468617420697320746f6f206c6f6e67…",
    ]
  `);
});

test('a table with a damaged block, and one without its footer', async () => {
  const disk = await small();
  const name = nameOf(disk, '.table');
  inflict(disk, `db/${name}`, { kind: 'flip', from: 0.03, length: 0 });
  const shown = linesOf(disk, name).filter((line) => /DAMAGED|block/.test(line));
  expect(shown).toMatchInlineSnapshot(`
    [
      "DAMAGED block 0 at 0, 2 entries up to key (0, 2): checksum mismatch at db/000004.table:0",
      "  blocks 2",
      "  blockBytes 64",
      "block at 56, 71 bytes, 1 entries",
    ]
  `);
  inflict(disk, `db/${name}`, { kind: 'truncate', from: 0.5, length: 0 });
  expect(linesOf(disk, name)).toMatchInlineSnapshot(`
    [
      "table 4, 304 bytes",
      "DAMAGED footer: not a complete table: bad magic at db/000004.table:240",
      "DAMAGED no block in bytes 0 to 56",
      "blocks, as far as they are found without the index:",
      "block at 56, 71 bytes, 1 entries",
      "  (7, 0) #3 SET 37 bytes 612076616c7565207468617420697320746f6f206c6f6e67…",
    ]
  `);
});

test('a log, whole and damaged', async () => {
  const disk = await small();
  const name = nameOf(disk, '.wal');
  expect(linesOf(disk, name)).toMatchInlineSnapshot(`
    [
      "log 3, 119 bytes",
      "0 head, 16 bytes, synced up to 0, format 1, first sequence 5",
      "36 full, 43 bytes, synced up to 0",
      "  commit #5, 1 entries, 1 attachments",
      "    tree 1 (0, 1) #5 DELETE 0 bytes",
      "    attachment, 15 bytes 6b65707420696e20746865206c6f67",
      "99 mark, 0 bytes, synced up to 99",
    ]
  `);
  inflict(disk, `db/${name}`, { kind: 'flip', from: 0.5, length: 0 });
  expect(linesOf(disk, name)).toMatchInlineSnapshot(`
    [
      "log 3, 119 bytes",
      "0 head, 16 bytes, synced up to 0, format 1, first sequence 5",
      "DAMAGED no whole chunk in bytes 36 to 99",
      "99 mark, 0 bytes, synced up to 99",
    ]
  `);
});

test('versions and the pointer, whole and damaged; other files are none', async () => {
  const disk = await small();
  disk.open('db/notes', 'create').close();
  expect([...dumpDirectory(disk, 'db', hasher)]).toMatchInlineSnapshot(`
    [
      "000001.version:",
      "  version 1, 65 bytes",
      "  next file number 2, logs from 0, sequence 0",
      "  tree 1 "words"",
      "  tree 2 "lists", adjacency",
      "000003.wal: 119 bytes",
      "000004.table: 608 bytes",
      "000005.table: 512 bytes",
      "000006.version:",
      "  version 6, 201 bytes",
      "  next file number 7, logs from 3, sequence 4",
      "  tree 1 "words"",
      "  tree 2 "lists", adjacency",
      "  tree 1 level 0 run 6 table 4: 608 bytes, 3 entries, (0, 1) to (7, 0), #1 to #3",
      "  tree 2 level 0 run 6 table 5: 512 bytes, 1 entries, (0, 9) to (0, 9), #4 to #4",
      "CURRENT:",
      "  pointer to version 6",
      "notes: not a file of the engine",
    ]
  `);
  inflict(disk, 'db/CURRENT', { kind: 'flip', from: 0.6, length: 0 });
  expect(linesOf(disk, 'CURRENT')).toMatchInlineSnapshot(`
    [
      "pointer DAMAGED pointer checksum mismatch at CURRENT:12",
    ]
  `);
  const version = nameOf(disk, '.version');
  inflict(disk, `db/${version}`, { kind: 'truncate', from: 0.6, length: 0 });
  expect(linesOf(disk, version)).toMatchInlineSnapshot(`
    [
      "version 1, 39 bytes",
      "DAMAGED version file too short at version:0",
    ]
  `);
  expect(dumpFile(disk, 'db/notes', hasher)).toBeUndefined();
});
