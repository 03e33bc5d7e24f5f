/**
 * `npm run check`: everything that judges the code without running it. Each step is printed; the first
 * that fails ends the run with its exit code.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, root } from './built.mjs';

/** The JavaScript file behind a package's command, so that no shell is needed. */
function commandOf(packageName, command) {
  const folder = join(root, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bin === 'string' ? bin : bin[command]);
}

const steps = [
  ['types', () => [commandOf('typescript', 'tsc'), '-p', 'tsconfig.json', '--noEmit']],
  ['lint and format', () => [commandOf('@biomejs/biome', 'biome'), 'check', '--error-on-warnings']],
  ['kernels are up to date', () => ['scripts/build-kernels.mjs', '--check']],
  ['package', () => [commandOf('publint', 'publint'), '--strict']],
];

for (const [index, [name, argumentsOf]] of steps.entries()) {
  console.log(`[${index + 1}/${steps.length}] ${name}`);
  if (name === 'package') ensureBuilt(); // It looks at the files that would be published.
  const run = spawnSync(process.execPath, argumentsOf(), { cwd: root, stdio: 'inherit' });
  if (run.status !== 0) {
    console.log(`check failed at: ${name} (${index} of ${steps.length} steps passed)`);
    process.exit(run.status ?? 1);
  }
}
console.log(`check passed: ${steps.length} steps`);
