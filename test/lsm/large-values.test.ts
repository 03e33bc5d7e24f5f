/** Values longer than the buffers that usual ones fit: whole through log, memtable, table, reopening and repair. */
import { expect, test } from 'vitest';
import { LISTS, PLAIN, readState } from '../../bench/soak/engine-model.ts';
import { MIB } from '../../src/base/units.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import { encodeEdges, encodeList, readList } from '../../src/lsm/list-codec.ts';
import { repairEngine } from '../../src/lsm/repair/repair.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { inflict } from '../damage.ts';
import { DIRECTORY, openTiny, tinyOptions } from './engine-harness.ts';

const NONE = new Uint32Array(0);
const LENGTHS = [MIB - 1, MIB + 1, 3 * MIB + 7];

function filled(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i * 31 + (i >>> 8)) & 0xff);
}

async function write(engine: LsmEngine): Promise<void> {
  for (const [lo, length] of LENGTHS.entries()) {
    const batch = new WriteBatch();
    batch.set(PLAIN, 0, lo, filled(length));
    await engine.committed(engine.write(batch));
  }
}

function expectValues(engine: LsmEngine): void {
  const into = new Uint8Array(4 * MIB);
  for (const [lo, length] of LENGTHS.entries()) {
    expect(engine.getInto(PLAIN, 0, lo, into)).toBe(length);
    expect(Buffer.compare(into.subarray(0, length), filled(length))).toBe(0);
  }
}

test('a value of megabytes is read from memtable, log, table and what a repair leaves', async () => {
  const disk = new MemoryFileSystem();
  const sizes = { memtableBytes: 8 * MIB, tableBytes: 8 * MIB };
  const engine = await openTiny(disk, sizes);
  const idle = engine.stats().memory;
  await write(engine);
  expectValues(engine);
  // The log's buffer grew for them and is given back.
  expect(engine.stats().memory.logBufferBytes).toBe(idle.logBufferBytes);
  await engine.close();

  const again = await openTiny(disk, sizes);
  expectValues(again);
  await again.checkpoint();
  expectValues(again);
  expect((await again.check()).problems).toEqual([]);
  await again.close();

  const table = disk.list(DIRECTORY).find((name) => name.endsWith('.table'));
  inflict(disk, `${DIRECTORY}/${table}`, { kind: 'flip', from: 1, length: 0 });
  const report = await repairEngine(disk, DIRECTORY, tinyOptions(sizes));
  expect(report).toMatchObject({ wasSound: false, recovered: { entries: 3 } });
  await using repaired = await openTiny(disk, sizes);
  expectValues(repaired);
});

test('a value that does not fit the caller is not copied, and its length is told', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  const batch = new WriteBatch();
  batch.set(PLAIN, 0, 1, filled(300));
  batch.set(LISTS, 0, 1, encodeList(Uint32Array.from({ length: 200 }, (_, i) => i)));
  batch.merge(LISTS, 0, 1, encodeEdges(Uint32Array.of(7000), NONE));
  engine.write(batch);
  const list = engine.get(LISTS, 0, 1) ?? new Uint8Array(0);
  expect(readList(list)).toHaveLength(201);
  for (const isInTables of [false, true]) {
    if (isInTables) await engine.checkpoint();
    for (const [tree, length] of [
      [PLAIN, 300],
      [LISTS, list.length],
    ] as const) {
      const into = new Uint8Array(length - 1);
      expect(engine.getInto(tree, 0, 1, into)).toBe(length);
      expect(into.every((byte) => byte === 0)).toBe(true);
      const exact = new Uint8Array(length);
      expect(engine.getInto(tree, 0, 1, exact)).toBe(length);
      expect(exact).toEqual(engine.get(tree, 0, 1));
    }
  }
});

test('operands of many edges are folded like small ones, in memory and in tables', async () => {
  await using engine = await openTiny(new MemoryFileSystem(), { memtableBytes: MIB });
  const expected = new Set<number>();
  for (let round = 0; round < 6; round++) {
    const added = Uint32Array.from({ length: 5000 }, (_, i) => 70_000 * i + round);
    const gone = round === 0 ? NONE : added.slice(0, 2500).map((id) => id - 1);
    const batch = new WriteBatch();
    batch.merge(LISTS, 0, 1, encodeEdges(added, gone));
    engine.write(batch);
    for (const id of added) expected.add(id);
    for (const id of gone) expected.delete(id);
    if (round === 3) await engine.checkpoint();
  }
  const sorted = Uint32Array.from(expected).sort();
  expect(readList(engine.get(LISTS, 0, 1) ?? new Uint8Array(0))).toEqual(sorted);
  const before = readState(engine);
  await engine.checkpoint();
  await engine.compact();
  expect(readState(engine)).toEqual(before);
});
