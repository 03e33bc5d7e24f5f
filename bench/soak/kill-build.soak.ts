/**
 * Does a build that is killed leave anything but nothing or everything?
 *
 * A child fills an empty collection, in one piece or in shards, and is ended with SIGKILL at a random moment. Then
 * the collection must be empty, or hold every record, found by walks; no temporary file is left,
 * `check()` finds no problem, and a collection that is empty can be built after all.
 *
 * npm run soak -- kill-build --rounds N [--seed S]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/base/random.ts';
import { parseCount } from '../harness/options.ts';
import { DIMENSION, openForBuild, vectorsOf } from './kill-build-database.ts';

const childScript = fileURLToPath(new URL('./kill-build-child.js', import.meta.url));
const { values } = parseArgs({
  options: { rounds: { type: 'string' }, seed: { type: 'string' } },
});
const rounds = parseCount('--rounds', values.rounds) ?? 20;
const seed = parseCount('--seed', values.seed) ?? 1 + (Date.now() % 1_000_000);
const random = seededRandom(seed);
console.log(`seed ${seed}, ${rounds} rounds`);

interface Build {
  readonly directory: string;
  readonly count: number;
  readonly shardNodesMax: number;
  readonly vectorSeed: number;
}

/** Returns the last word of a child that was killed so long after it had opened. */
async function buildAndKill(build: Build, delayMs: number): Promise<string> {
  const { directory, vectorSeed, count, shardNodesMax } = build;
  const args = [childScript, directory, vectorSeed, count, shardNodesMax].map(String);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let output = '';
  let errors = '';
  let timer: NodeJS.Timeout | undefined;
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
    timer ??= setTimeout(() => child.kill('SIGKILL'), delayMs);
  });
  const [code, signal] = await ended;
  clearTimeout(timer);
  if (signal !== 'SIGKILL') throw new Error(`child ended with ${code}: ${errors.trim()}`);
  return output.trimEnd().split('\n').at(-1) ?? '';
}

/** What is wrong with what a killed build left. */
async function judge(build: Build, lastWord: string): Promise<{ stored: number; problem: string }> {
  const { directory, count, shardNodesMax, vectorSeed } = build;
  const { database, collection } = await openForBuild(directory, shardNodesMax);
  try {
    const stored = await collection.count();
    if (stored !== 0 && stored !== count) return { stored, problem: 'neither nothing nor all' };
    if (lastWord === 'built' && stored === 0) return { stored, problem: 'what was built is lost' };
    if (readdirSync(directory).some((name) => name.endsWith('.tmp'))) {
      return { stored, problem: 'temporary files are left' };
    }
    const vectors = vectorsOf(vectorSeed, count);
    if (stored === 0) await collection.build({ vectors });
    let found = 0;
    for (let i = 0; i < count; i += 10) {
      const vector = vectors.subarray(i * DIMENSION, (i + 1) * DIMENSION);
      const [hit] = await collection.search({ vector, k: 1 });
      if (hit?.id === i) found++;
    }
    const { ok, problems } = await database.check();
    if (!ok) return { stored, problem: `check(): ${JSON.stringify(problems[0])}` };
    const isFound = found >= 0.99 * Math.ceil(count / 10);
    return { stored, problem: isFound ? '' : `${found} records are found` };
  } finally {
    await database.close();
  }
}

let passed = 0;
for (; passed < rounds; passed++) {
  const directory = mkdtempSync(join(tmpdir(), 'stratavec-kill-build-'));
  const count = 2_000 + Math.floor(random() * 4_000);
  const shardNodesMax = random() < 0.3 ? count : Math.ceil(count / (1.5 + 4 * random()));
  const build = { directory, count, shardNodesMax, vectorSeed: seed + passed };
  const lastWord = await buildAndKill(build, Math.floor(800 * random()));
  const { stored, problem } = await judge(build, lastWord);
  const what = `killed in '${lastWord}', ${stored} of ${count} stored, shards of ${shardNodesMax}`;
  console.log(`round ${passed + 1}: ${problem === '' ? 'passed' : `FAILED: ${problem}`}; ${what}`);
  if (problem !== '') {
    console.log(`seed ${seed}; the directory is kept: ${directory}`);
    break;
  }
  rmSync(directory, { recursive: true, force: true });
}
console.log(`${passed} passed, ${passed === rounds ? 0 : 1} failed`);
process.exitCode = passed === rounds ? 0 : 1;
