import { expect, test } from 'vitest';
import { inspect, isDatabaseError, open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { inflict } from '../damage.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import { HISTORY_OPTIONS, upsert } from './history.ts';

async function filled(): Promise<MemoryFileSystem> {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
  await upsert(0, 30, 1).run(await db.collection('things', HISTORY_OPTIONS));
  await db.close();
  return fileSystem;
}

async function linesOf(fileSystem: MemoryFileSystem, path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of inspect(path, { fileSystem })) lines.push(line);
  return lines;
}

test('a database is shown with its trees and pages', async () => {
  const fileSystem = await filled();
  const lines = await linesOf(fileSystem, '/db');
  expect(lines[0]).toBe('database /db');
  expect(lines.some((line) => line.includes('collection 1 "things", space 1'))).toBe(true);
  expect(lines.some((line) => /page 0 places: codes in \d+ units from \d+, whole/.test(line))).toBe(
    true,
  );
  expect(lines.some((line) => /page 0 slots: 30 used, 30 live, 0 ghosts/.test(line))).toBe(true);
  expect(lines.join('\n')).not.toContain('DAMAGED');
  const pages = await linesOf(fileSystem, '/db/data.pages');
  expect(pages.every((line) => lines.includes(line))).toBe(true);
  const trees = await linesOf(fileSystem, '/db/lsm');
  expect(trees.every((line) => lines.includes(`  ${line}`))).toBe(true);
});

test('damage anywhere is shown and ends nothing', async () => {
  for (const path of ['/db/data.pages', '/db/lsm/CURRENT']) {
    const fileSystem = await filled();
    inflict(fileSystem, path, { kind: 'noise', from: 0, length: 1 });
    expect((await linesOf(fileSystem, '/db')).join('\n')).toContain('DAMAGED');
  }
});

test('what is no file of a database is refused', async () => {
  const fileSystem = await filled();
  fileSystem.open('/db/notes', 'create').close();
  for (const [path, code] of [
    ['/none', 'NOT_FOUND'],
    ['/db/notes', 'INVALID_ARGUMENT'],
    ['', 'INVALID_ARGUMENT'],
  ]) {
    await expect(linesOf(fileSystem, path)).rejects.toSatisfy(
      (error) => isDatabaseError(error) && error.code === code,
    );
  }
});
