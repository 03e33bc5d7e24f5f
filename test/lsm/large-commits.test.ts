/** Commits that are larger than a memtable, made at once or in slices, and their replay. */
import { expect, test } from 'vitest';
import { drainCompaction, Model, PLAIN, toBatch } from '../../bench/soak/engine-model.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import type { WriteBatch } from '../../src/lsm/write-batch.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { expectState, openTiny } from './engine-harness.ts';

/** `count` entries of `bytes` each; later ones overwrite the first keys of earlier ones. */
function commitOf(count: number, bytes: number, seed: number) {
  const changes = Array.from({ length: count }, (_, i) => {
    const value = new Uint8Array(bytes).fill(seed + i);
    return { tree: PLAIN, kind: 1 as const, hi: 7, lo: i % 5, value };
  });
  return { changes, attachments: [Uint8Array.of(seed)] };
}

const ways: [string, (engine: LsmEngine, batch: WriteBatch) => Promise<number>][] = [
  ['at once', (engine, batch) => Promise.resolve(engine.write(batch))],
  ['in slices', (engine, batch) => engine.writeSliced(batch)],
];

for (const [way, write] of ways) {
  test(`a large commit (${way}) is there whole, after checkpoints, compactions and power cuts`, async () => {
    let disk = new MemoryFileSystem();
    let engine = await openTiny(disk);
    const model = new Model();
    for (const [count, bytes] of [
      [3, 10],
      [200, 40],
      [2, 5],
      [1, 100_000],
      [40, 1000],
      [1, 1],
    ]) {
      const commit = commitOf(count, bytes, model.sequence);
      const snapshot = engine.snapshot();
      const before = model.at();
      const sequence = await write(engine, toBatch(commit));
      model.add(commit, sequence);
      expectState(engine, model.at());
      expectState(engine, before, snapshot.sequence);
      snapshot.release();
      await engine.committed(sequence);
      if (bytes === 5) await engine.checkpoint();
      disk = disk.crash(count, 0);
      engine = await openTiny(disk);
      expectState(engine, model.at());
    }
    expect(engine.shouldCheckpoint()).toBe(true);
    await engine.checkpoint();
    expect(engine.shouldCheckpoint()).toBe(false);
    expect(engine.stats().sealedMemtables).toBe(0);
    await drainCompaction(engine);
    expectState(engine, model.at());
    expect((await engine.check()).problems).toEqual([]);
    await engine.close();
  });
}

test('what is written in slices is seen all at once, and a checkpoint waits for it', async () => {
  const engine = await openTiny(new MemoryFileSystem());
  const small = commitOf(3, 10, 1);
  const model = new Model();
  model.add(small, engine.write(toBatch(small)));
  const large = commitOf(50_000, 8, 2);
  let seenAt = 0;
  const writing = engine.writeSliced(toBatch(large), (sequence) => {
    seenAt = engine.appliedSequence;
    expect(sequence).toBe(seenAt);
  });
  const checkpoint = engine.checkpoint();
  let turns = 0;
  let isDone = false;
  const finished = writing.then(() => {
    isDone = true;
  });
  for (; !isDone; turns++) {
    expectState(engine, model.at());
    expectState(engine, model.at(), Number.MAX_SAFE_INTEGER);
    expect(() => engine.write(toBatch(small))).toThrow(/waits for the sliced one/);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(turns).toBeGreaterThan(1);
  await finished;
  model.add(large, await writing);
  expect(seenAt).toBe(await writing);
  await checkpoint;
  expect(engine.stats().sealedMemtables).toBe(0);
  expectState(engine, model.at());
  await engine.close();
});

test('a sliced write that fails in its log leaves nothing behind', async () => {
  const disk = new MemoryFileSystem();
  const files = new FaultyFileSystem(disk);
  const engine = await openTiny(files);
  const first = commitOf(2, 10, 1);
  const model = new Model();
  model.add(first, engine.write(toBatch(first)));
  await engine.committed(engine.appliedSequence);
  const writing = engine.writeSliced(toBatch(commitOf(60_000, 8, 2)));
  const failing = engine.close();
  await expect(writing).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
  await failing;
  const again = await openTiny(disk);
  expectState(again, model.at());
  await again.close();
});

test('a commit that no arena can hold is refused, and changes nothing', async () => {
  const engine = await openTiny(new MemoryFileSystem());
  const first = commitOf(2, 10, 1);
  const model = new Model();
  model.add(first, engine.write(toBatch(first)));
  const impossible = {
    byteSize: 1,
    entryCount: 2 ** 31,
    entryBytes: () => new Uint8Array(0),
    attachmentBytes: () => new Uint8Array(0),
  } as unknown as WriteBatch;
  expect(() => engine.write(impossible)).toThrow(
    expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }),
  );
  const second = commitOf(2, 10, 9);
  model.add(second, engine.write(toBatch(second)));
  expectState(engine, model.at());
  await engine.close();
});
