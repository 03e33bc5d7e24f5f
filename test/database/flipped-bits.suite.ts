/**
 * A bit of a byte of any file flips: opening or checking the database notices it, or the byte carries no
 * meaning: padding, the mark of a closed log, units of the page file that no page has.
 */
import { expect, test } from 'vitest';
import { type Collection, inspect, isDatabaseError, open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { isMeaningless, readAll } from '../damage.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import { HISTORY_OPTIONS, remove, type Stored, upsert } from './history.ts';

const options = { memoryBytes: SMALL_MEMORY };
const UNIT_BYTES = 4096;

async function build(): Promise<MemoryFileSystem> {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { ...options, fileSystem });
  const things: Collection<Stored['metadata']> = await db.collection('things', HISTORY_OPTIONS);
  await upsert(0, 20, 1).run(things);
  await db.flush();
  await remove([3, 4]).run(things);
  await upsert(10, 15, 2).run(things);
  await db.flush();
  await upsert(30, 5, 3).run(things);
  return fileSystem.crash(1);
}

/** Units that pages have. */
async function ownedUnits(fileSystem: MemoryFileSystem): Promise<Set<number>> {
  const owned = new Set<number>();
  for await (const line of inspect('/db/data.pages', { fileSystem })) {
    for (const [, count, first] of line.matchAll(/in (\d+) units from (\d+)/g)) {
      for (let i = 0; i < Number(count); i++) owned.add(Number(first) + i);
    }
  }
  return owned;
}

async function isNoticed(fileSystem: MemoryFileSystem): Promise<boolean> {
  try {
    const db = await open('/db', { ...options, fileSystem, readOnly: true });
    try {
      return !(await db.check()).ok;
    } finally {
      await db.close();
    }
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    expect(['CORRUPTION', 'UNSUPPORTED_FORMAT']).toContain(error.code);
    return true;
  }
}

/** Flips one bit in every `step`-th byte of every file, but for the log's last commit. */
export function flippedBitsSuite(step: number): void {
  test(`a bit that flips is noticed by the check, every ${step} bytes`, async () => {
    const disk = await build();
    expect(await isNoticed(disk)).toBe(false);
    const owned = await ownedUnits(disk);
    const paths = [...disk.list('/db/lsm').map((name) => `/db/lsm/${name}`), '/db/data.pages'];
    const files = paths.map((path) => [path, readAll(disk, path)] as const);
    const silent: string[] = [];
    let found = 0;
    const current = files.findLast(([path]) => path.endsWith('.version'))?.[0];
    for (const [path, bytes] of files) {
      // One that is kept for repair cannot be told from what an interrupted install leaves.
      if (path.endsWith('.version') && path !== current) continue;
      if (path.endsWith('.wal')) continue; // One commit: it cannot be told from a torn tail.
      for (let position = found % step; position < bytes.length; position += step) {
        const isPage = path.endsWith('.pages');
        if (isPage && !owned.has(Math.floor(position / UNIT_BYTES))) continue;
        const copy = disk.crash(1, 1);
        const file = copy.open(path, 'readwrite');
        file.write(Uint8Array.of(bytes[position] ^ (1 << ((position * 5) % 8))), position);
        file.close();
        if (await isNoticed(copy)) found++;
        else if (isPage || !isMeaningless(bytes, path, position))
          silent.push(`${path}:${position}`);
      }
    }
    expect(silent).toEqual([]);
    expect(found).toBeGreaterThan(10_000 / step);
  });
}
