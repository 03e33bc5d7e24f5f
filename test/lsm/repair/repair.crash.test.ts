import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type State, scanState, toBatch } from '../../../bench/soak/engine-model.ts';
import { isDatabaseError } from '../../../src/errors.ts';
import { repairEngine } from '../../../src/lsm/repair/repair.ts';
import { FaultyFileSystem } from '../../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { inflict, readAll } from '../../damage.ts';
import { commit, DIRECTORY, openTiny, tinyOptions } from '../engine-harness.ts';

const commits = fc.sample(commit, { numRuns: 9, seed: 4 });

/** Several tables and a log, all of them damaged somewhere. */
async function damagedDisk(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk);
  for (const [i, each] of commits.entries()) {
    await engine.committed(engine.write(toBatch(each)));
    if (i % 4 === 3) await engine.checkpoint();
  }
  await engine.close();
  for (const name of disk.list(DIRECTORY).filter((each) => /table|wal/.test(each))) {
    inflict(disk, `${DIRECTORY}/${name}`, { kind: 'zeros', from: 0.3, length: 0.02 });
  }
  return disk.crash(1, 1);
}

async function repaired(disk: FileSystem): Promise<State> {
  await repairEngine(disk, DIRECTORY, tinyOptions());
  const engine = await openTiny(disk, { readOnly: true });
  const state = scanState(engine);
  await engine.close();
  return state;
}

/** By name. Files of the engine alone. */
function contents(disk: FileSystem): Map<string, Uint8Array> {
  const names = disk.list(DIRECTORY).filter((name) => name.includes('.') || name === 'CURRENT');
  return new Map(names.map((name) => [name, readAll(disk, `${DIRECTORY}/${name}`)]));
}

test('a repair that fails at any call changes no file, and another one makes up for it', async () => {
  const damaged = await damagedDisk();
  const before = contents(damaged);
  const expected = await repaired(damaged.crash(1, 1));
  expect(expected.length).toBeGreaterThan(3);
  let unchanged = 0;
  for (let call = 1, isDone = false; !isDone; call++) {
    const disk = damaged.crash(1, 1);
    const faulty = new FaultyFileSystem(disk);
    if (call % 2 === 0) faulty.stopAt(call);
    else faulty.failCall(call, 'ENOSPC');
    try {
      await repairEngine(faulty, DIRECTORY, tinyOptions());
      isDone = faulty.faults === 0;
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      const after = contents(disk);
      // Until the new pointer is in place every old file is as it was.
      if (Buffer.compare(after.get('CURRENT')!, before.get('CURRENT')!) === 0) {
        for (const [name, bytes] of before) expect(after.get(name)).toEqual(bytes);
        unchanged++;
      }
    }
    const left = disk.crash(call, [0, 0.5, 1][call % 3]);
    expect(await repaired(left)).toEqual(expected);
  }
  expect(unchanged).toBeGreaterThan(10);
});

test('a directory without an engine, and the rest of a backup, are refused', async () => {
  const disk = new MemoryFileSystem();
  const repair = (): Promise<unknown> => repairEngine(disk, DIRECTORY, tinyOptions());
  await expect(repair()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  disk.makeDirectory(DIRECTORY);
  await expect(repair()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  disk.open(`${DIRECTORY}/UNFINISHED`, 'create').close();
  await expect(repair()).rejects.toMatchObject({ code: 'CORRUPTION' });
});

test('a damaged filter, index or footer loses nothing', async () => {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk);
  for (const each of commits) await engine.committed(engine.write(toBatch(each)));
  await engine.checkpoint();
  const expected = scanState(engine);
  await engine.close();
  for (const name of disk.list(DIRECTORY).filter((each) => each.endsWith('.table'))) {
    for (const back of [10, 40, 200]) {
      const copy = disk.crash(1, 1);
      const path = `${DIRECTORY}/${name}`;
      const size = readAll(copy, path).length;
      inflict(copy, path, { kind: 'flip', from: (size - back) / size, length: 0 });
      const report = await repairEngine(copy, DIRECTORY, tinyOptions());
      expect(report.movedFiles).toContain(name);
      const again = await openTiny(copy, { readOnly: true });
      if (report.lost.length === 0) expect(scanState(again)).toEqual(expected);
      await again.close();
      if (back === 10) expect(report.lost).toEqual([]);
    }
  }
});
