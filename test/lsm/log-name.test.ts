/** A log that the directory does not name is lost: its commits are durable when its name is, not before. */
import { expect, test } from 'vitest';
import { PLAIN } from '../../bench/soak/engine-model.ts';
import { DatabaseError } from '../../src/errors.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import { nextTurn } from '../../src/lsm/slices.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { DIRECTORY, openTiny } from './engine-harness.ts';

/** Syncs of directories in the background end when they are told to. */
class SlowNames extends MemoryFileSystem {
  gate: Promise<void> = Promise.resolve();

  override async syncDirectoryInBackground(directory: string): Promise<void> {
    await this.gate;
    await super.syncDirectoryInBackground(directory);
  }
}

function put(engine: LsmEngine): number {
  const batch = new WriteBatch();
  batch.set(PLAIN, 0, 1, Uint8Array.of(1));
  return engine.write(batch);
}

test('a synced commit waits for the name of its log', async () => {
  const disk = new SlowNames();
  const engine = await openTiny(disk, { durability: 'sync' });
  let open = (): void => {};
  disk.gate = new Promise((resolve) => {
    open = resolve;
  });
  let isCommitted = false;
  const committed = engine.committed(put(engine)).then(() => {
    isCommitted = true;
  });
  for (let i = 0; i < 50; i++) await nextTurn();
  expect(isCommitted).toBe(false);
  open();
  await committed;
  await using again = await openTiny(disk.crash(1));
  expect(again.get(PLAIN, 0, 1)).toEqual(Uint8Array.of(1));
  await engine.close().catch(() => {});
});

test('a name that cannot be synced fails the commit, and the engine', async () => {
  const disk = new SlowNames();
  const engine = await openTiny(disk, { durability: 'sync' });
  disk.gate = Promise.reject(new DatabaseError('IO', `cannot sync directory ${DIRECTORY}`));
  disk.gate.catch(() => {});
  await expect(engine.committed(put(engine))).rejects.toMatchObject({ code: 'IO' });
  expect(engine.failure).toMatchObject({ code: 'IO' });
  await engine.close().catch(() => {});
});
