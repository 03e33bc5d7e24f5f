/** `npm run bench:plot -- [FILE...]` runs the compiled `bench/plot/plot.ts`. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt, root } from './built.mjs';

ensureBuilt();
const script = join(root, 'dist/bench/plot/plot.js');
const { status } = spawnSync(process.execPath, [script, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
