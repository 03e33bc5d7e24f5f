/** Installs take turns of the event loop: whoever looks at the files meanwhile must not see half of one. */
import { expect, test } from 'vitest';
import { PLAIN } from '../../bench/soak/engine-model.ts';
import { nextTurn } from '../../src/lsm/slices.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { openTiny } from './engine-harness.ts';

test('a check at any moment of a checkpoint finds nothing wrong', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  for (let turns = 0; turns < 40; turns++) {
    const batch = new WriteBatch();
    batch.set(PLAIN, 0, turns, new Uint8Array(10));
    engine.write(batch);
    const checkpoint = engine.checkpoint();
    for (let i = 0; i < turns; i++) await nextTurn();
    expect(await engine.check()).toEqual({ ok: true, problems: [] });
    await checkpoint;
  }
});
