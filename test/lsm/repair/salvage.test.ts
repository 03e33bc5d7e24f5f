import { expect, test } from 'vitest';
import { loadHasher } from '../../../src/base/hasher.ts';
import { LsmEngine } from '../../../src/lsm/engine.ts';
import { salvageLog } from '../../../src/lsm/repair/salvage-log.ts';
import { salvageTable } from '../../../src/lsm/repair/salvage-table.ts';
import { WriteBatch } from '../../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { readAll } from '../../damage.ts';

const hasher = await loadHasher();
const ENTRIES = 120;

/** A table of many blocks, or the log of as many commits. */
async function bytesOf(
  kind: 'table' | 'wal',
  codec: 'none' | 'lz4',
): Promise<[Uint8Array, number]> {
  const disk = new MemoryFileSystem();
  const engine = await LsmEngine.open(disk, 'db', {
    trees: [{ id: 1, name: 'words', codec }],
    hasher,
    durability: 'sync',
    memtableBytes: 1 << 16,
    blockCacheBytes: 4096,
    blockBytes: 512,
  });
  for (let i = 0; i < ENTRIES; i++) {
    const batch = new WriteBatch();
    batch.set(1, 0, i, new Uint8Array(200).fill(i));
    await engine.committed(engine.write(batch));
  }
  if (kind === 'table') await engine.checkpoint();
  await engine.close();
  const name = disk.list('db').find((each) => each.endsWith(kind)) ?? '';
  return [readAll(disk, `db/${name}`), Number(name.slice(0, 6))];
}

for (const codec of ['none', 'lz4'] as const) {
  for (const hasIndex of [true, false]) {
    test(`a damaged block loses its own entries alone (${codec}, index ${hasIndex})`, async () => {
      const [whole, number] = await bytesOf('table', codec);
      const { blocks } = salvageTable({ bytes: whole, number, file: 'table', hasher });
      expect(blocks.length).toBeGreaterThan(10);
      for (const lost of [0, 5, blocks.length - 1]) {
        const bytes = hasIndex ? whole.slice() : whole.slice(0, -64);
        bytes[blocks[lost].offset + 30] ^= 4;
        const found = salvageTable({ bytes, number, file: 'table', hasher });
        const offsets = blocks.map(({ offset }) => offset);
        expect(found.blocks.map(({ offset }) => offset)).toEqual(offsets.toSpliced(lost, 1));
        expect(found.entries).toBe(ENTRIES - blocks[lost].block.count);
        expect(found.properties?.tree).toBe(1);
        expect(found.problems.length).toBeGreaterThan(0);
      }
    });
  }
}

test('damage in a log loses the commits that it hits, and no others', async () => {
  const [whole, number] = await bytesOf('wal', 'none');
  const { commits, gaps } = salvageLog({ bytes: whole, number, hasher });
  expect(commits).toHaveLength(ENTRIES);
  expect(gaps).toEqual([]);
  const bytes = whole.slice();
  bytes.fill(0, 5000, 5100);
  const found = salvageLog({ bytes, number, hasher });
  expect(found.gaps).toHaveLength(1);
  expect(found.commits.length).toBeGreaterThanOrEqual(ENTRIES - 2);
  expect(found.commits.length).toBeLessThan(ENTRIES);
  expect(found.tail).toBeUndefined();
});
