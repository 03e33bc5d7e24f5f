/** `npm run soak -- NAME [--rounds N | --minutes N] [--seed S]` runs one soak from `dist`; without a name it lists them. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, root } from './built.mjs';

const suffix = '.soak.ts';
const names = readdirSync(join(root, 'bench/soak'))
  .filter((name) => name.endsWith(suffix))
  .map((name) => name.slice(0, -suffix.length))
  .sort();

const [name, ...options] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  console.error(
    `npm run soak -- NAME [--rounds N | --minutes N] [--seed S]; NAME is one of: ${names.join(', ')}`,
  );
  process.exitCode = 2;
} else {
  ensureBuilt();
  const script = join(root, 'dist/bench/soak', `${name}.soak.js`);
  process.exitCode =
    spawnSync(process.execPath, [script, ...options], { stdio: 'inherit' }).status ?? 1;
}
