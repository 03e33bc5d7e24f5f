/** Logs that are longer than the memory they are replayed in. */
import { expect, test } from 'vitest';
import { type Commit, LISTS, Model, PLAIN, toBatch } from '../../bench/soak/engine-model.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import type { EngineOptions } from '../../src/lsm/engine-options.ts';
import { encodeEdges } from '../../src/lsm/list-codec.ts';
import { repairEngine } from '../../src/lsm/repair/repair.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { DIRECTORY, expectState, openTiny, tinyOptions } from './engine-harness.ts';

const LARGE = { memtableBytes: 1 << 20 };

/** Operands, so that an entry that is applied twice or lost would be seen. */
function commitOf(i: number): Commit {
  const added = Uint32Array.of(i % 9);
  const removed = Uint32Array.of((i % 9) + 9 - (i % 4));
  const changes = [
    { tree: LISTS, kind: 2 as const, hi: 7, lo: i % 4, value: encodeEdges(added, removed) },
    { tree: PLAIN, kind: 1 as const, hi: 0, lo: i % 5, value: new Uint8Array(i % 90).fill(i) },
  ];
  return { changes, attachments: i % 3 === 0 ? [Uint8Array.of(i)] : [] };
}

/** A disk whose logs hold 100 commits that no table has. */
async function written(): Promise<{ disk: MemoryFileSystem; model: Model }> {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk, LARGE);
  const model = new Model();
  for (let i = 0; i < 100; i++) {
    const commit = commitOf(i);
    model.add(commit, engine.write(toBatch(commit)));
  }
  await engine.committed(engine.appliedSequence);
  return { disk: disk.crash(1, 0), model };
}

async function open(
  files: FileSystem,
  options: Partial<EngineOptions> = {},
): Promise<{ engine: LsmEngine; attachments: { sequence: number; attachment: Uint8Array }[] }> {
  const attachments: { sequence: number; attachment: Uint8Array }[] = [];
  const engine = await openTiny(files, {
    ...options,
    replay: (sequence, bytes) => attachments.push({ sequence, attachment: bytes.slice() }),
  });
  return { engine, attachments };
}

test('a long log is replayed in little memory, into tables', async () => {
  const { disk, model } = await written();
  const { engine, attachments } = await open(disk);
  expectState(engine, model.at());
  expect(attachments).toEqual(model.attachmentsBehind(0));
  const { memtableBytes, sealedMemtables, trees } = engine.stats();
  expect(memtableBytes).toBeLessThanOrEqual(3 * 1024);
  expect(sealedMemtables).toBe(0);
  expect(trees[0].levels[0].tables).toBeGreaterThan(1);
  expect((await engine.check()).problems).toEqual([]);

  // Until a checkpoint the log is kept, and its attachments come again.
  const commit = commitOf(999);
  model.add(commit, engine.write(toBatch(commit)));
  await engine.close();
  const again = await open(disk);
  expectState(again.engine, model.at());
  expect(again.attachments).toEqual(model.attachmentsBehind(0));
  let frozen = 0;
  await again.engine.checkpoint({
    freeze: (sequence) => {
      frozen = sequence;
    },
    write: () => Promise.resolve([]),
    installed: () => {},
    failed: () => {},
  });
  expect(frozen).toBe(again.engine.appliedSequence);
  await again.engine.close();
  const last = await open(disk);
  expectState(last.engine, model.at());
  expect(last.attachments).toEqual([]);
  await last.engine.close();
});

test('a checkpoint covers attachments whose entries are all in tables', async () => {
  const { disk, model } = await written();
  const first = await open(disk);
  // The last commits may be in the memtable: flush them by another replay in a smaller one.
  await first.engine.close();
  const { engine } = await open(disk, { memtableBytes: 1 });
  expectState(engine, model.at());
  await engine.checkpoint();
  await engine.close();
  const again = await open(disk);
  expect(again.attachments).toEqual([]);
  expectState(again.engine, model.at());
  await again.engine.close();
});

test('a replay may be cut off at any call, by a death or a power cut, and begins anew', async () => {
  const { disk, model } = await written();
  let calls = 0;
  for (let at = 1; ; at += 7) {
    const copy = disk.crash(0, 1);
    const files = new FaultyFileSystem(copy);
    files.stopAt(at);
    const engine = await openTiny(files).catch(() => undefined);
    calls = at;
    const survivor = at % 2 === 0 ? copy.crash(at, 0.5) : copy.crash(at, 1);
    const { engine: next, attachments } = await open(survivor);
    expectState(next, model.at());
    expect(attachments).toEqual(model.attachmentsBehind(0));
    expect((await next.check()).problems).toEqual([]);
    await next.close();
    if (engine !== undefined) break;
  }
  expect(calls).toBeGreaterThan(50);
});

test('a repair keeps the attachments of commits that are in tables, and applies none of them twice', async () => {
  const { disk, model } = await written();
  const { engine } = await open(disk);
  await engine.close();
  const log = disk.list(DIRECTORY).find((name) => name.endsWith('.wal'));
  const file = disk.open(`${DIRECTORY}/${log}`, 'readwrite');
  file.write(new Uint8Array(40), file.size() >>> 1);
  file.close();
  await expect(open(disk)).rejects.toMatchObject({ code: 'CORRUPTION' });
  await repairEngine(disk, DIRECTORY, tinyOptions());
  const repaired = await open(disk);
  const all = model.attachmentsBehind(0);
  expect(repaired.attachments.length).toBeGreaterThan(all.length - 3);
  expect(all).toEqual(expect.arrayContaining(repaired.attachments));
  // The damaged commits are in tables.
  expectState(repaired.engine, model.at());
  await repaired.engine.close();
});

test('what the system alone has of a log is on the device before tables rest on it', async () => {
  for (let at = 30; at < 90; at += 6) {
    const disk = new MemoryFileSystem();
    const killed = await openTiny(disk, { ...LARGE, durability: 'os' });
    const model = new Model();
    for (let i = 0; i < 60; i++) model.add(commitOf(i), killed.write(toBatch(commitOf(i))));
    await killed.committed(killed.appliedSequence);
    const files = new FaultyFileSystem(disk);
    files.stopAt(at);
    await openTiny(files).catch(() => undefined);
    const { engine, attachments } = await open(disk.crash(at, 0));
    const { appliedSequence } = engine;
    expectState(engine, model.at(appliedSequence));
    expect(attachments).toEqual(
      model.attachmentsBehind(0).filter(({ sequence }) => sequence <= appliedSequence),
    );
    await engine.close();
  }
});

test('where tables cannot be written, a log is replayed in memory', async () => {
  const { disk, model } = await written();
  const readOnly = await open(disk, { readOnly: true });
  expectState(readOnly.engine, model.at());
  expect(readOnly.engine.stats().trees[0].levels[0].tables).toBe(0);
  await readOnly.engine.close();
});
