/** The package.json that is shipped asks for no build, and the one of the clone comes back byte for byte. */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from './temp-dir.ts';

test('a packed package has nothing to prepare, also behind a pack that was killed', async () => {
  await using temp = await tempDir();
  await mkdir(join(temp.path, 'scripts'));
  const script = join(temp.path, 'scripts', 'packed-manifest.mjs');
  await copyFile('scripts/packed-manifest.mjs', script);
  await copyFile('scripts/built.mjs', join(temp.path, 'scripts', 'built.mjs'));
  const manifest = join(temp.path, 'package.json');
  const whole = await readFile('package.json', 'utf8');
  await writeFile(manifest, whole);
  const call = (what: string): Buffer => execFileSync(process.execPath, [script, what]);
  call('strip');
  call('strip');
  const { scripts, devDependencies, ...rest } = JSON.parse(whole);
  expect([typeof scripts.prepare, typeof devDependencies]).toEqual(['string', 'object']);
  expect(JSON.parse(await readFile(manifest, 'utf8'))).toEqual(rest);
  call('restore');
  call('restore');
  expect(await readFile(manifest, 'utf8')).toBe(whole);
  expect((await readdir(temp.path)).sort()).toEqual(['package.json', 'scripts']);
});
