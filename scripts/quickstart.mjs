/** `npm run quickstart [-- FOLDER]`: the command `stratavec quickstart`, built first where it is missing. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt, root } from './built.mjs';

ensureBuilt();
const command = [join(root, 'dist/src/cli/main.js'), 'quickstart', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, command, { stdio: 'inherit' }).status ?? 1;
