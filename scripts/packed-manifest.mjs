/**
 * What `npm pack` ships as package.json: without the scripts and tools of a clone. npm warns its users of a `prepare`,
 * though a package that is built has nothing to prepare; a clone and a git dependency are built by it.
 *
 * `prepack` calls it with `strip`, `postpack` with `restore`. The whole one waits beside, so that a pack that was killed
 * between the two is mended by the next call.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './built.mjs';

const shipped = join(root, 'package.json');
const whole = join(root, 'package.json.whole');

if (existsSync(whole)) renameSync(whole, shipped);
if (process.argv[2] === 'strip') {
  const text = readFileSync(shipped, 'utf8');
  const { scripts: _, devDependencies: __, ...manifest } = JSON.parse(text);
  writeFileSync(whole, text);
  writeFileSync(shipped, `${JSON.stringify(manifest, null, 2)}\n`);
}
