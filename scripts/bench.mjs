/**
 * `npm run bench -- NAME [options]` runs one bench from `dist` under plain node; without a name it lists
 * them, with `--all-smoke` it runs every one once at smoke size, without peers. A full run leaves its rows in
 * `bench/report` and makes the report there again of all that it has; with `--json FILE` the rows go there, and no
 * report is made.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, root } from './built.mjs';

const suffix = '.bench.ts';
const names = readdirSync(join(root, 'bench'))
  .filter((name) => name.endsWith(suffix))
  .map((name) => name.slice(0, -suffix.length))
  .sort();

/** The question that a bench answers: the first sentence of its head comment. */
function questionOf(name) {
  const text = readFileSync(join(root, 'bench', name + suffix), 'utf8');
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '';
  const prose = comment.replaceAll(/^\s*\*?\s?/gm, ' ').replaceAll(/\s+/g, ' ');
  return prose.trim().split(/(?<=[.?:])\s/)[0];
}

function run(name, options) {
  const script = join(root, 'dist/bench', `${name}.bench.js`);
  const { status } = spawnSync(process.execPath, ['--expose-gc', script, ...options], {
    cwd: process.env.INIT_CWD ?? process.cwd(),
    stdio: 'inherit',
  });
  return status ?? 1;
}

function runAndReport(name, options) {
  if (!options.includes('--full') || options.some((option) => option.startsWith('--json'))) {
    return run(name, options);
  }
  const folder = join(root, 'bench/report');
  mkdirSync(folder, { recursive: true });
  const status = run(name, [...options, '--json', join(folder, `${name}.jsonl`)]);
  const plot = join(root, 'dist/bench/plot/plot.js');
  // 2: an option was wrong, and nothing was measured.
  if (status !== 2) spawnSync(process.execPath, [plot, '--out', folder], { stdio: 'inherit' });
  return status;
}

function runAll() {
  let failed = 0;
  for (const name of names) {
    console.log(`\n== bench ${name}`);
    if (run(name, ['--peers', 'none']) !== 0) failed++;
  }
  console.log(`\n${names.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

const [name, ...options] = process.argv.slice(2);
if (name === undefined || name === '--help') {
  console.log(
    'npm run bench -- NAME [options], or --all-smoke. Options: see CONTRIBUTING.md. NAME is one of:',
  );
  for (const each of names) console.log(`  ${each.padEnd(10)} ${questionOf(each)}`);
} else if (name !== '--all-smoke' && !names.includes(name)) {
  console.error(`no bench named ${name}; there are: ${names.join(', ')}`);
  process.exitCode = 2;
} else {
  ensureBuilt();
  process.exitCode = name === '--all-smoke' ? runAll() : runAndReport(name, options);
}
