/** Calls at the edge of an engine's life and of its options: closed, read-only, empty, twice, or not as before. */
import { expect, test } from 'vitest';
import { LISTS, nextTurn, PLAIN } from '../../bench/soak/engine-model.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import type { CheckpointParticipant, TreeEntry } from '../../src/lsm/engine-options.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { InterceptingFileSystem } from '../../src/storage/intercepting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { DIRECTORY, openTiny, tinyOptions } from './engine-harness.ts';

async function put(engine: LsmEngine, lo: number): Promise<number> {
  const batch = new WriteBatch();
  batch.set(PLAIN, 0, lo, Uint8Array.of(lo));
  const sequence = engine.write(batch);
  await engine.committed(sequence);
  return sequence;
}

test('a closed engine takes no reads into a buffer, no iterators and no pins', async () => {
  const engine = await openTiny(new MemoryFileSystem());
  await engine.close();
  const closed = expect.objectContaining({ code: 'DATABASE_CLOSED' });
  expect(() => engine.getInto(PLAIN, 0, 0, new Uint8Array(1))).toThrow(closed);
  expect(() => engine.iterator(PLAIN)).toThrow(closed);
  expect(() => engine.pinVersion()).toThrow(closed);
});

test('in an engine that only reads everything is committed already', async () => {
  const disk = new MemoryFileSystem();
  const writer = await openTiny(disk);
  const sequence = await put(writer, 1);
  await writer.close();
  await using engine = await openTiny(disk, { readOnly: true });
  await engine.committed(sequence);
  expect(engine.appliedSequence).toBe(sequence);
});

test('an empty batch is the commit before it', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  const sequence = await put(engine, 1);
  expect(engine.write(new WriteBatch())).toBe(sequence);
  const applied: number[] = [];
  const onApplied = (each: number): number => applied.push(each);
  expect(await engine.writeSliced(new WriteBatch(), onApplied)).toBe(sequence);
  expect(applied).toEqual([sequence]);
  expect(engine.stats().commits).toBe(1);
});

test('a pin that is released twice is released once', async () => {
  const disk = new MemoryFileSystem();
  await using engine = await openTiny(disk);
  await put(engine, 1);
  await engine.checkpoint();
  const [first, second] = [engine.pinVersion(), engine.pinVersion()];
  expect(engine.oldestSnapshot()).toBe(1);
  first.release();
  first.release();
  expect(engine.oldestSnapshot()).toBe(1);
  await put(engine, 1);
  await engine.checkpoint();
  await engine.compact();
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  expect(second.tables.map(({ path }) => disk.exists(path))).toEqual([true]);
  second.release();
  expect(engine.oldestSnapshot()).toBeUndefined();
});

test.each<[found: string, change: (trees: Trees) => Trees]>([
  ['nothing', (trees) => trees.filter(({ id }) => id !== LISTS)],
  [
    'others (adjacency)',
    (trees) => trees.map((t) => (t.id === LISTS ? { ...t, name: 'others' } : t)),
  ],
  [
    'lists (counter)',
    (trees) => trees.map((t) => (t.id === LISTS ? { ...t, mergeOperator: 'counter' } : t)),
  ],
  [
    'lists (none)',
    (trees) => trees.map((t) => (t.id === LISTS ? { ...t, mergeOperator: undefined } : t)),
  ],
])('the trees of an engine stay what they are: %s', async (found, change) => {
  const disk = new MemoryFileSystem();
  await (await openTiny(disk)).close();
  await expect(openTiny(disk, { trees: change(tinyOptions().trees) })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: `trees: expected lists (adjacency) with id ${LISTS}, got ${found}`,
  });
});

type Trees = ReturnType<typeof tinyOptions>['trees'];

test('what a participant adds without a value deletes', async () => {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk);
  for (const lo of [1, 2]) await put(engine, lo);
  await engine.checkpoint();
  const participant: CheckpointParticipant = {
    freeze: () => {},
    installed: () => {},
    failed: () => {},
    write: async (): Promise<TreeEntry[]> => [
      { tree: PLAIN, hi: 0, lo: 1, value: undefined },
      { tree: PLAIN, hi: 0, lo: 3, value: Uint8Array.of(9) },
    ],
  };
  await put(engine, 4);
  await engine.checkpoint(participant);
  const found = (): (number[] | undefined)[] =>
    [1, 2, 3, 4].map((lo) => {
      const value = engine.get(PLAIN, 0, lo);
      return value && [...value];
    });
  expect(found()).toEqual([undefined, [2], [9], [4]]);
  await engine.compact();
  expect(found()).toEqual([undefined, [2], [9], [4]]);
  await engine.close();
});

test('a compaction that fails for whatever reason is reported as IO, with the reason', async () => {
  let isBroken = false;
  const disk = new InterceptingFileSystem(new MemoryFileSystem(), {
    call: ({ operation, purpose }, run) => {
      if (isBroken && operation === 'open' && purpose === 'compaction') throw new TypeError('odd');
      return run();
    },
    sync: (_call, run) => run(),
  });
  const errors: Error[] = [];
  const engine = await openTiny(disk, { onBackgroundError: (error) => errors.push(error) });
  for (let lo = 0; lo < 3; lo++) {
    await put(engine, 1);
    await engine.checkpoint();
  }
  isBroken = true;
  const failure = { code: 'IO', message: 'compaction failed', cause: new TypeError('odd') };
  await expect(engine.compact()).rejects.toMatchObject(failure);
  expect(errors).toMatchObject([failure]);
  expect(engine.get(PLAIN, 0, 1)).toEqual(Uint8Array.of(1));
  await engine.close();
  expect(disk.list(DIRECTORY).filter((name) => name.endsWith('.table'))).toHaveLength(3);
});
