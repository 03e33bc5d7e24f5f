/** What the scripts that run compiled code share: where the package is, and a `dist` that is not stale. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Newest modification time, in ms, of the TypeScript files under `folder`. */
function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) time = Math.max(time, newest(path));
    else if (entry.name.endsWith('.ts')) time = Math.max(time, statSync(path).mtimeMs);
  }
  return time;
}

/** Builds `dist` when it is missing or older than a source of it. */
export function ensureBuilt() {
  const marker = join(root, 'dist/src/index.js');
  const sources = ['src', 'bench'].map((folder) => newest(join(root, folder)));
  if (existsSync(marker) && statSync(marker).mtimeMs >= Math.max(...sources)) return;
  console.log('building dist …');
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
}
