import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Model, toBatch } from '../../bench/soak/engine-model.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { restoreEngine } from '../../src/lsm/restore.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { tempDir } from '../temp-dir.ts';
import { commit, DIRECTORY, expectState, openTiny, tinyOptions } from './engine-harness.ts';

const commits = fc.sample(commit, { numRuns: 30, seed: 11 });
const TARGET = 'backup/lsm';

async function filled(
  fileSystem: FileSystem,
  directory = DIRECTORY,
): Promise<{ engine: LsmEngine; model: Model }> {
  const engine = await LsmEngine.open(fileSystem, directory, tinyOptions());
  const model = new Model();
  for (const [i, each] of commits.entries()) {
    const sequence = engine.write(toBatch(each));
    model.add(each, sequence);
    await engine.committed(sequence);
    if (i % 7 === 6) await engine.checkpoint();
  }
  return { engine, model };
}

async function expectBackup(
  fileSystem: FileSystem,
  directory: string,
  model: Model,
  sequence: number,
): Promise<void> {
  const backup = await LsmEngine.open(fileSystem, directory, tinyOptions({ readOnly: true }));
  expectState(backup, model.at(sequence));
  expect(await backup.check()).toEqual({ ok: true, problems: [] });
  await backup.close();
}

test('a backup holds every commit made before it, and its tables are links', async () => {
  const disk = new MemoryFileSystem();
  const { engine, model } = await filled(disk);
  const result = await engine.backup(TARGET);
  expect(result.sequence).toBe(model.sequence);
  expect(result.linkedTables).toBe(result.tables);
  expect(result.tables).toBeGreaterThan(1);
  await expectBackup(disk, TARGET, model, model.sequence);
  await engine.close();
});

test('writes, checkpoints and compactions go on beside a backup, which is one state', async () => {
  const disk = new MemoryFileSystem();
  const { engine, model } = await filled(disk);
  const names = disk.list(DIRECTORY);
  let isOver = false;
  const backup = engine.backup(TARGET, { link: false }).finally(() => {
    isOver = true;
  });
  for (let i = 0; !isOver; i++) {
    const sequence = engine.write(toBatch(commits[i % commits.length]));
    model.add(commits[i % commits.length], sequence);
    await engine.committed(sequence);
    if (i % 3 === 2) await engine.checkpoint();
    if (i % 6 === 5) await engine.compact();
  }
  const { sequence } = await backup;
  expect(sequence).toBeLessThan(model.sequence);
  await expectBackup(disk, TARGET, model, sequence);
  await engine.compact();
  await engine.checkpoint();
  await engine.close();
  // What was pinned is deleted once the backup has ended.
  expect(names.filter((name) => name.endsWith('.table')).length).toBeGreaterThan(0);
  const { tables } = await filledTables(disk);
  expect(disk.list(DIRECTORY).filter((name) => name.endsWith('.table')).length).toBe(tables);
});

async function filledTables(disk: FileSystem): Promise<{ tables: number }> {
  const engine = await openTiny(disk, { readOnly: true });
  const levels = engine.stats().trees.flatMap((tree) => tree.levels);
  await engine.close();
  return { tables: levels.reduce((sum, level) => sum + level.tables, 0) };
}

test('on the file system of the machine: backup, then restore, which links nothing', async () => {
  await using temp = await tempDir();
  const disk = new NodeFileSystem();
  const { engine, model } = await filled(disk, `${temp.path}/lsm`);
  const phases: string[] = [];
  await engine.backup(`${temp.path}/backup`, {
    onProgress: ({ phase, done, total }) => {
      phases.push(phase);
      expect(done).toBeLessThanOrEqual(total);
    },
  });
  expect(new Set(phases)).toEqual(new Set(['checkpoint', 'tables']));
  await engine.close();
  const directories = { from: `${temp.path}/backup`, to: `${temp.path}/restored` };
  await restoreEngine(disk, directories, tinyOptions());
  for (const name of disk.list(directories.from)) {
    const file = disk.open(`${directories.from}/${name}`, 'readwrite');
    file.truncate(0);
    file.close();
  }
  await expectBackup(disk, directories.to, model, model.sequence);
});

test('a target that holds anything is refused, and left alone', async () => {
  const disk = new MemoryFileSystem();
  const { engine } = await filled(disk);
  disk.makeDirectory(TARGET);
  disk.open(`${TARGET}/notes`, 'create').close();
  await expect(engine.backup(TARGET)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(disk.list(TARGET)).toEqual(['notes']);
  await engine.close();
});

test('an aborted backup leaves an empty directory', async () => {
  const disk = new MemoryFileSystem();
  const { engine } = await filled(disk);
  const controller = new AbortController();
  const onProgress = ({ done }: { done: number }): void => {
    if (done > 0) controller.abort();
  };
  const aborted = engine.backup(TARGET, { onProgress, signal: controller.signal });
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
  expect(disk.list(TARGET)).toEqual([]);
  await engine.close();
});

test('restoring a damaged or an unfinished backup is CORRUPTION, and leaves nothing', async () => {
  const disk = new MemoryFileSystem();
  const { engine } = await filled(disk);
  await engine.backup(TARGET);
  await engine.close();
  const name = disk.list(TARGET).find((each) => each.endsWith('.table'))!;
  const file = disk.open(`${TARGET}/${name}`, 'readwrite');
  file.write(Uint8Array.of(0xff, 0xff, 0xff), 20);
  file.close();
  const restore = (): Promise<void> =>
    restoreEngine(disk, { from: TARGET, to: 'to' }, tinyOptions());
  await expect(restore()).rejects.toMatchObject({ code: 'CORRUPTION' });
  disk.remove(`${TARGET}/CURRENT`);
  await expect(restore()).rejects.toMatchObject({ code: 'CORRUPTION' });
  expect(disk.exists('to') ? disk.list('to') : []).toEqual([]);
});

/** Complete, or empty, or refused. */
async function expectWholeOrRefused(disk: FileSystem, model: Model): Promise<boolean> {
  if (!disk.exists(TARGET) || disk.list(TARGET).length === 0) return false;
  try {
    await expectBackup(disk, TARGET, model, model.sequence);
    return true;
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    expect(error.code).toBe('CORRUPTION');
    return false;
  }
}

test('a crash at any call of a backup harms nothing, and its target is whole or refused', async () => {
  let whole = 0;
  for (let call = 1, isDone = false; !isDone; call++) {
    const disk = new MemoryFileSystem();
    const { engine: first, model } = await filled(disk);
    await first.close();
    const faulty = new FaultyFileSystem(disk);
    const engine = await openTiny(faulty);
    faulty.stopAt(faulty.calls + call);
    try {
      await engine.backup(TARGET, { link: call % 2 === 0 });
      isDone = !faulty.isStopped && call % 2 === 1;
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
    }
    const left = disk.crash(call, [0, 0.5, 1][call % 3]);
    if (await expectWholeOrRefused(left, model)) whole++;
    const source = await openTiny(left);
    expectState(source, model.at());
    await source.close();
  }
  expect(whole).toBeGreaterThan(0);
});

test('a full disk at any call of a backup leaves the source as it was', async () => {
  for (let call = 1, isDone = false; !isDone; call++) {
    const disk = new MemoryFileSystem();
    const { engine: first, model } = await filled(disk);
    await first.checkpoint();
    await first.close();
    const faulty = new FaultyFileSystem(disk);
    const engine = await openTiny(faulty);
    faulty.failCall(faulty.calls + call, 'ENOSPC');
    try {
      await engine.backup(TARGET, { link: call % 2 === 0 });
      if (faulty.faults === 0) {
        isDone = call % 2 === 1;
        continue; // The fault that is left over must not hit a later call.
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 'IO' });
      await expectWholeOrRefused(disk, model);
    }
    expect(engine.state).toBe('open');
    expectState(engine, model.at());
    await engine.close();
  }
});
