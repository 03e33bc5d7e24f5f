import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';
import { stratavecHere } from './stratavec.ts';

/** A database of ten records in `path`/data. */
async function filled(path: string): Promise<string> {
  const directory = join(path, 'data');
  const db = await open(directory);
  const notes = await db.collection('notes', { dimension: 4, metric: 'l2' });
  await notes.upsert(
    Array.from({ length: 10 }, (_, i) => ({ id: i, vector: [i, 1, 2, 3], metadata: { i } })),
  );
  await db.close();
  return directory;
}

async function json(...argv: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await stratavecHere(...argv, '--json');
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Record<string, unknown>;
}

test('backup, restore and check, from one folder to the next', async () => {
  await using temp = await tempDir();
  const data = await filled(temp.path);
  const backup = join(temp.path, 'backup');
  const restored = join(temp.path, 'restored');
  const said = await stratavecHere('backup', data, backup);
  expect(said).toMatchObject({ code: 0, err: '' });
  expect(said.out).toMatch(/^Backed up .* tables linked/);
  expect(await json('backup', data, `${backup}2`, '--copy')).toMatchObject({
    backup: { linkedTables: 0 },
  });
  expect((await stratavecHere('restore', backup, restored)).out).toContain('Restored');
  expect(await json('check', restored)).toMatchObject({ ok: true, counts: { records: 10 } });
  const again = await stratavecHere('backup', data, backup);
  expect(again.code).toBe(1);
  expect(again.err).toContain('is not empty');
  expect((await stratavecHere('backup', join(temp.path, 'none'), backup)).code).toBe(1);
});

test('a damaged database says what to do, and is repaired', async () => {
  await using temp = await tempDir();
  const data = await filled(temp.path);
  const current = join(data, 'lsm', 'CURRENT');
  const bytes = await readFile(current);
  await truncate(current, 3);
  const refused = await stratavecHere('stats', data);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('stratavec repair');
  expect(await json('repair', data)).toMatchObject({
    repair: { wasSound: false, wasRebuilt: false, lost: [], recovered: { records: 10 } },
  });
  expect(bytes.length).toBe(16);
  await writeFile(join(data, 'data.pages'), new Uint8Array(4096));
  const repaired = await stratavecHere('repair', data);
  expect(repaired).toMatchObject({ code: 0, err: '' });
  expect(repaired.out).toContain('lost vector: collection notes, id 0');
  expect(repaired.out).toContain('Rebuilt from its records');
  const kept = ['data.pages', 'data.pages.lost', 'lsm', 'lsm.lost'];
  expect((await readdir(data)).sort()).toEqual(kept);
  expect(await json('check', data)).toMatchObject({ ok: true, counts: { records: 10 } });
  expect((await stratavecHere('repair', data)).out).toContain('Nothing was damaged');
});

test('what a killed backup leaves is refused, and nobody is sent to repair it', async () => {
  await using temp = await tempDir();
  const data = await filled(temp.path);
  await writeFile(join(data, 'UNFINISHED'), 'a backup\n');
  const commands = [
    ['stats', data],
    ['check', data],
    ['repair', data],
    ['restore', data, join(temp.path, 'restored')],
  ];
  for (const begun of [false, true]) {
    // A backup writes its pages first.
    if (begun) await rm(join(data, 'lsm'), { recursive: true });
    for (const argv of commands) {
      const { code, err } = await stratavecHere(...argv);
      expect([argv[0], code]).toEqual([argv[0], 1]);
      expect(err).toContain('delete it and begin again');
      expect(err).not.toContain('stratavec repair');
    }
  }
});

test('compact gives back what deleted records took', async () => {
  await using temp = await tempDir();
  const data = await filled(temp.path);
  const db = await open(data);
  const notes = await db.collection('notes');
  await notes.delete([1, 2, 3]);
  await db.close();
  const said = await stratavecHere('compact', data);
  expect(said).toMatchObject({ code: 0, err: '' });
  expect(said.out).toMatch(/^Freed .*3 deleted vectors removed/);
  expect(await json('compact', data)).toMatchObject({ compact: { ghostsRemoved: 0 } });
  expect(await json('check', data)).toMatchObject({
    ok: true,
    counts: { records: 7, vectors: 7, ghosts: 0 },
  });
  expect((await stratavecHere('compact', join(temp.path, 'none'))).code).toBe(1);
});

test('inspect shows a folder, a file, and refuses others', async () => {
  await using temp = await tempDir();
  const data = await filled(temp.path);
  const shown = await stratavecHere('inspect', data);
  expect(shown.out).toContain('collection 1 "notes"');
  const table = (await readdir(join(data, 'lsm'))).find((name) => name.endsWith('.table')) ?? '';
  expect((await stratavecHere('inspect', join(data, 'lsm', table))).out).toContain('block at 0');
  expect((await json('inspect', data)).lines).toContain(`database ${data}`);
  await mkdir(join(temp.path, 'empty'));
  expect((await stratavecHere('inspect', join(temp.path, 'empty'))).code).toBe(2);
  expect((await stratavecHere('inspect')).code).toBe(2);
});
