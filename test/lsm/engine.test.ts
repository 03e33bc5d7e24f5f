/** What callers of the engine rely on, one promise a test. */
import { expect, test } from 'vitest';
import { drainCompaction, nextTurn, PLAIN } from '../../bench/soak/engine-model.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import type { CheckpointParticipant, TreeEntry } from '../../src/lsm/engine-options.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { InterceptingFileSystem } from '../../src/storage/intercepting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { DIRECTORY, openTiny } from './engine-harness.ts';

function put(engine: LsmEngine, lo: number, ...value: number[]): number {
  const batch = new WriteBatch();
  batch.set(PLAIN, 0, lo, Uint8Array.from(value));
  return engine.write(batch);
}

function read(engine: LsmEngine, lo: number, sequence?: number): number[] | undefined {
  const value = engine.get(PLAIN, 0, lo, sequence);
  return value && [...value];
}

function snapshotOfFiles(disk: MemoryFileSystem): Record<string, string> {
  return Object.fromEntries(
    disk.list(DIRECTORY).map((name) => {
      const file = disk.open(`${DIRECTORY}/${name}`, 'read');
      const bytes = new Uint8Array(file.size());
      file.readInto(bytes, 0);
      return [name, Buffer.from(bytes).toString('hex')];
    }),
  );
}

test('a commit is seen at once by the writer, and published when it is durable', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  const sequence = put(engine, 1, 5);
  expect(read(engine, 1)).toEqual([5]);
  expect(engine.publishedSequence).toBe(0);
  const snapshot = engine.snapshot();
  expect(read(engine, 1, snapshot.sequence)).toBeUndefined();
  await engine.committed(sequence);
  expect(engine.publishedSequence).toBe(sequence);
});

test('durability none publishes at once', async () => {
  await using engine = await openTiny(new MemoryFileSystem(), { durability: 'none' });
  expect(put(engine, 1, 5)).toBe(engine.publishedSequence);
});

test('commits of one turn share one write and one sync', async () => {
  const counting = new CountingFileSystem(new MemoryFileSystem());
  await using engine = await openTiny(counting);
  const before = engine.stats();
  await Promise.all(Array.from({ length: 50 }, (_, i) => engine.committed(put(engine, i % 5, i))));
  const after = engine.stats();
  expect(after.logWrites - before.logWrites).toBe(1);
  expect(after.logSyncs - before.logSyncs).toBe(1);
  expect(after.commits).toBe(50);
});

test('values are copied, and a read owns its bytes', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  const batch = new WriteBatch();
  const value = Uint8Array.of(1);
  batch.set(PLAIN, 0, 0, value);
  value[0] = 2;
  engine.write(batch);
  batch.clear();
  expect(read(engine, 0)).toEqual([1]);
  const mine = engine.get(PLAIN, 0, 0)!;
  mine[0] = 9;
  expect(read(engine, 0)).toEqual([1]);
  expect(engine.write(batch)).toBe(engine.appliedSequence);
});

test('a batch larger than the memtable grows it, and a checkpoint is due', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  const batch = new WriteBatch();
  for (let lo = 0; lo < 100; lo++) batch.set(PLAIN, 0, lo, new Uint8Array(200).fill(lo));
  expect(engine.shouldCheckpoint()).toBe(false);
  await engine.committed(engine.write(batch));
  expect(engine.shouldCheckpoint()).toBe(true);
  expect(read(engine, 99)?.[0]).toBe(99);
  await engine.checkpoint();
  expect(engine.shouldCheckpoint()).toBe(false);
  expect(read(engine, 99)?.[0]).toBe(99);
});

test('a checkpoint seals before it returns, and again at once after it was awaited', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  for (let round = 0; round < 3; round++) {
    put(engine, 0, round);
    const running = engine.checkpoint();
    expect(engine.stats().sealedMemtables).toBe(1);
    put(engine, 1, round);
    await running;
    expect(engine.stats().sealedMemtables).toBe(0);
  }
  expect(read(engine, 1)).toEqual([2]);
});

test('a checkpoint participant is frozen at the seal and its entries come with the version', async () => {
  const disk = new MemoryFileSystem();
  const calls: string[] = [];
  const participant: CheckpointParticipant = {
    freeze: (sequence) => calls.push(`freeze ${sequence}`),
    write: async (sequence): Promise<readonly TreeEntry[]> => {
      calls.push(`write ${sequence}`);
      await nextTurn();
      return [
        { tree: PLAIN, hi: 9, lo: 2, value: Uint8Array.of(2) },
        { tree: PLAIN, hi: 9, lo: 1, value: Uint8Array.of(1) },
      ];
    },
    installed: async (sequence) => {
      await nextTurn();
      calls.push(`installed ${sequence}`);
    },
    failed: () => calls.push('failed'),
  };
  {
    await using engine = await openTiny(disk);
    put(engine, 0, 1);
    const running = engine.checkpoint(participant);
    expect(calls).toEqual(['freeze 1']);
    put(engine, 0, 2);
    await running;
    expect(calls).toEqual(['freeze 1', 'write 1', 'installed 1']);
    // Nothing new: nothing to do.
    await engine.committed(engine.appliedSequence);
  }
  await using engine = await openTiny(disk);
  expect([...engine.get(PLAIN, 9, 1)!, ...engine.get(PLAIN, 9, 2)!]).toEqual([1, 2]);
  expect(read(engine, 0)).toEqual([2]);
});

test('a participant that fails leaves the engine as it was, for the next checkpoint', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  put(engine, 0, 1);
  const failures: unknown[] = [];
  const broken: CheckpointParticipant = {
    freeze: () => {},
    write: () => Promise.reject(new Error('no')),
    installed: () => {},
    failed: (error) => failures.push(error),
  };
  await expect(engine.checkpoint(broken)).rejects.toThrow('no');
  expect(failures).toHaveLength(1);
  expect(engine.state).toBe('open');
  put(engine, 1, 2);
  expect([read(engine, 0), read(engine, 1)]).toEqual([[1], [2]]);
  await engine.checkpoint();
  expect(engine.stats()).toMatchObject({ sealedMemtables: 0, logBytes: 0 });
  expect([read(engine, 0), read(engine, 1)]).toEqual([[1], [2]]);
});

test('after a failed sync the engine only reads, and says why', async () => {
  const faulty = new FaultyFileSystem(new MemoryFileSystem());
  const engine = await openTiny(faulty);
  await engine.committed(put(engine, 0, 1));
  // The next calls: a write, a sync.
  faulty.failCall(faulty.calls + 2, 'sync');
  const sequence = put(engine, 0, 2);
  await expect(engine.committed(sequence)).rejects.toMatchObject({ code: 'IO' });
  expect(engine.state).toBe('readonly');
  expect(engine.failure).toMatchObject({ code: 'IO' });
  expect(engine.publishedSequence).toBe(1);
  expect(() => put(engine, 0, 3)).toThrow(expect.objectContaining({ code: 'READ_ONLY' }));
  await expect(engine.checkpoint()).rejects.toMatchObject({ code: 'READ_ONLY' });
  expect(read(engine, 0, engine.publishedSequence)).toEqual([1]);
  await engine.close();
});

test('opened to read only, the engine writes nothing, even beside a torn log', async () => {
  const memory = new MemoryFileSystem();
  const writer = await openTiny(memory);
  for (let i = 0; i < 5; i++) await writer.committed(put(writer, i, i));
  await writer.checkpoint();
  await writer.committed(put(writer, 7, 7));
  put(writer, 8, ...new Array(2000).fill(8));
  await nextTurn();
  const disk = memory.crash(5, 0.5);
  const before = snapshotOfFiles(disk);

  const engine = await openTiny(disk, { readOnly: true });
  expect(engine.state).toBe('readonly');
  expect(engine.failure).toBeUndefined();
  expect(read(engine, 7)).toEqual([7]);
  expect(() => put(engine, 0, 0)).toThrow(expect.objectContaining({ code: 'READ_ONLY' }));
  await expect(engine.compact()).rejects.toMatchObject({ code: 'READ_ONLY' });
  expect((await engine.check()).ok).toBe(true);
  await engine.close();
  expect(snapshotOfFiles(disk)).toEqual(before);
});

test('there is nothing to read only, or to open, where nothing was made', async () => {
  const disk = new MemoryFileSystem();
  await expect(openTiny(disk, { readOnly: true })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(openTiny(disk, { createIfMissing: false })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  expect(disk.exists(DIRECTORY)).toBe(false);
});

test('opening and closing without a commit changes no file', async () => {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk);
  await engine.committed(put(engine, 0, 0));
  await engine.checkpoint();
  await engine.close();
  const before = snapshotOfFiles(disk);
  await (await openTiny(disk)).close();
  expect(snapshotOfFiles(disk)).toEqual(before);
});

test('unknown files stay, and numbers of orphans are not used again', async () => {
  const disk = new MemoryFileSystem();
  await (await openTiny(disk)).close();
  const names = ['notes.txt', '000900.table', 'page.pages', '1.wal', 'CURRENT.bak'];
  for (const name of names) disk.open(`${DIRECTORY}/${name}`, 'create').close();
  const engine = await openTiny(disk);
  for (let i = 0; i < 6; i++) {
    put(engine, i, i);
    await engine.checkpoint();
  }
  await drainCompaction(engine);
  await engine.close();
  const listed = disk.list(DIRECTORY);
  expect(listed).toEqual(expect.arrayContaining(names));
  const numbers = listed.flatMap((name) => /^(\d{6})\.(?!table)/.exec(name)?.[1] ?? []);
  expect(numbers.every((number) => Number(number) > 900 || Number(number) < 10)).toBe(true);
  expect(listed.filter((name) => name.endsWith('.version'))).toHaveLength(3);
});

test('a scan keeps its tables and memtables until it is closed', async () => {
  const disk = new MemoryFileSystem();
  await using engine = await openTiny(disk);
  put(engine, 0, 1);
  await engine.checkpoint();
  put(engine, 1, 1);
  const scan = engine.scan(PLAIN, { fromHi: 0, fromLo: 0, toHi: 0, toLo: 9 });
  expect(scan.next()).toBe(true);
  const tables = () => disk.list(DIRECTORY).filter((name) => name.endsWith('.table'));
  const held = tables();
  put(engine, 0, 2);
  await engine.checkpoint();
  await engine.compact();
  expect(tables()).toEqual(expect.arrayContaining(held));
  expect([...scan.value]).toEqual([1]);
  expect(scan.next()).toBe(true);
  scan.close();
  scan.close();
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  expect(tables()).toHaveLength(1);
  expect(engine.stats().scans).toBe(0);
});

test('background compaction keeps L0 shallow', async () => {
  await using engine = await openTiny(new MemoryFileSystem(), { autoCompact: true });
  for (let i = 0; i < 40; i++) {
    put(engine, 1, i);
    await engine.checkpoint();
    expect(engine.stats().trees[0].levels[0].tables).toBeLessThanOrEqual(6);
  }
  while (engine.compactionPending()) await nextTurn();
  expect(engine.stats().trees[0].levels[0].tables).toBeLessThan(2);
  expect(engine.stats().compactions).toBeGreaterThan(5);
  expect(read(engine, 1)).toEqual([39]);
});

test('while L0 is much too deep, a checkpoint waits for compaction', async () => {
  // Holds back the sync of the first table that is written while the gate is shut.
  const gate: { isShut: boolean; open?: () => void } = { isShut: false };
  const gated = new InterceptingFileSystem(new MemoryFileSystem(), {
    call: (_, run) => run(),
    async sync(call, run) {
      if (gate.isShut && gate.open === undefined && call.path.endsWith('.table')) {
        await new Promise<void>((resolve) => {
          gate.open = resolve;
        });
      }
      await run();
    },
  });
  await using engine = await openTiny(gated, { autoCompact: true });
  const checkpoint = (): Promise<void> => {
    put(engine, 1, 1);
    return engine.checkpoint();
  };
  await checkpoint();
  await checkpoint();
  gate.isShut = true;
  while (gate.open === undefined) await nextTurn();
  for (let depth = 3; depth <= 6; depth++) await checkpoint();
  let isDone = false;
  const waiting = checkpoint().then(() => {
    isDone = true;
  });
  while (!engine.stats().isStalled) await nextTurn();
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  expect(isDone).toBe(false);
  gate.open();
  await waiting;
  expect(engine.stats().isStalled).toBe(false);
});

test('a compaction that cannot write leaves everything as it was, and is tried after a checkpoint', async () => {
  const faulty = new FaultyFileSystem(new MemoryFileSystem());
  const errors: unknown[] = [];
  const engine = await openTiny(faulty, { onBackgroundError: (error) => errors.push(error) });
  for (let i = 0; i < 4; i++) {
    put(engine, i, i);
    put(engine, 0, i);
    await engine.checkpoint();
  }
  const end = faulty.calls + 40;
  for (let call = faulty.calls + 1; call <= end; call++) faulty.failCall(call, 'ENOSPC');
  await drainCompaction(engine);
  expect(errors).toMatchObject([{ code: 'IO' }]);
  expect(engine.state).toBe('open');
  expect(engine.compactionPending()).toBe(false);
  while (faulty.calls < end) expect(() => faulty.exists(DIRECTORY)).toThrow();
  put(engine, 5, 5);
  await engine.checkpoint();
  expect(engine.compactionPending()).toBe(true);
  await drainCompaction(engine);
  expect(read(engine, 0)).toEqual([3]);
  await engine.close();
});

test('trees must be the stored ones', async () => {
  const disk = new MemoryFileSystem();
  const lists = { id: 2, name: 'lists', mergeOperator: 'adjacency' as const };
  const stored = [{ id: 1, name: 'plain' }, lists];
  await (await openTiny(disk, { trees: stored })).close();
  for (const trees of [
    [{ id: 1, name: 'plain' }],
    [{ id: 1, name: 'plain', mergeOperator: 'adjacency' as const }, lists],
    [stored[0], { ...lists, mergeOperator: 'counter' as const }],
    [
      { id: 1, name: 'plain' },
      { id: 1, name: 'lists' },
    ],
    [],
  ]) {
    await expect(openTiny(disk, { trees })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  const more = [...stored, { id: 255, name: 'new' }];
  const engine = await openTiny(disk, { trees: more });
  const batch = new WriteBatch();
  batch.set(255, 1, 2, Uint8Array.of(3));
  engine.write(batch);
  await engine.close();
  const withoutNew = openTiny(disk, { trees: stored });
  await expect(withoutNew).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('a closed engine refuses, and closing twice is closing once', async () => {
  const engine = await openTiny(new MemoryFileSystem());
  const sequence = put(engine, 0, 1);
  const committed = engine.committed(sequence);
  const scan = engine.scan(PLAIN, { fromHi: 0, fromLo: 0, toHi: 9, toLo: 9 });
  const closing = engine.close();
  expect(engine.close()).toBe(closing);
  await closing;
  await committed;
  expect(engine.state).toBe('closed');
  expect(scan.next()).toBe(false);
  const closed = expect.objectContaining({ code: 'DATABASE_CLOSED' });
  expect(() => put(engine, 0, 1)).toThrow(closed);
  expect(() => engine.get(PLAIN, 0, 0)).toThrow(closed);
  expect(() => engine.snapshot()).toThrow(closed);
  expect(() => engine.compactStep(1)).toThrow(closed);
  expect(() => engine.scan(PLAIN, { fromHi: 0, fromLo: 0, toHi: 9, toLo: 9 })).toThrow(closed);
  for (const call of [engine.checkpoint(), engine.compact(), engine.check()]) {
    await expect(call).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
  }
});

test('the same operations give the same files', async () => {
  const files: Record<string, string>[] = [];
  for (let run = 0; run < 2; run++) {
    const disk = new MemoryFileSystem();
    const engine = await openTiny(disk);
    for (let i = 0; i < 30; i++) {
      await engine.committed(put(engine, i % 7, i));
      if (i % 5 === 4) await engine.checkpoint();
      if (i % 10 === 9) await drainCompaction(engine);
    }
    await engine.close();
    files.push(snapshotOfFiles(disk));
  }
  expect(files[0]).toEqual(files[1]);
});
