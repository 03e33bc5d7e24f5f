/**
 * Does a killed process lose what it acknowledged, or leave anything half done?
 *
 * A child process writes to a real directory; this one ends it with SIGKILL at a random moment, opens the
 * directory and judges what is there (`kill-judge.ts`). The same directory goes on over all rounds; in some of
 * them a second child is killed while it opens what the first one left, and in half of them flushes and merges
 * run in a background thread.
 *
 * npm run soak -- kill --rounds N [--seed S]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/base/random.ts';
import { parseCount } from '../harness/options.ts';
import { applyTo, type KillRecord, operationOf } from './history.ts';
import { openForKill } from './kill-database.ts';
import { judge, type Verdict } from './kill-judge.ts';

const childScript = fileURLToPath(new URL('./kill-child.js', import.meta.url));

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, seed: { type: 'string' } },
});
const rounds = parseCount('--rounds', values.rounds) ?? 20;
const seed = parseCount('--seed', values.seed) ?? 1 + (Date.now() % 1_000_000);
const random = seededRandom(seed);
const directory = mkdtempSync(join(tmpdir(), 'stratavec-kill-'));
console.log(`seed ${seed}, ${rounds} rounds`);

/** What a killed child said: operations begun, and those whose promises had resolved. */
interface Testimony {
  readonly hasOpened: boolean;
  readonly begun: ReadonlySet<number>;
  readonly acknowledged: ReadonlySet<number>;
  /** A child must not end by itself: what it printed, if it did. */
  readonly failure: string | undefined;
}

/** Starts a child and kills it `delayMs` after it has opened, or after its start. */
async function runAndKill(
  callers: number,
  delayMs: number,
  from: 'start' | 'open',
): Promise<Testimony> {
  const thread = random() < 0.5 ? 'thread' : 'slices';
  const args = [childScript, directory, String(seed), String(next), String(callers), thread];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let output = '';
  let errors = '';
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => {
    timer ??= setTimeout(() => child.kill('SIGKILL'), delayMs);
  };
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
    arm();
  });
  if (from === 'start') arm();
  const [code, signal] = await ended;
  clearTimeout(timer);
  const failure = signal === 'SIGKILL' ? undefined : `child ended with ${code}: ${errors.trim()}`;
  return { ...parseTestimony(output), failure };
}

function parseTestimony(output: string): Omit<Testimony, 'failure'> {
  const begun = new Set<number>();
  const acknowledged = new Set<number>();
  // A last line without its end was cut by the kill: the operation had not begun.
  for (const line of output.split('\n').slice(0, -1)) {
    const [word, number] = line.split(' ');
    if (word === 'b') begun.add(Number(number));
    if (word === 'a') acknowledged.add(Number(number));
  }
  return { hasOpened: output.startsWith('open\n'), begun, acknowledged };
}

/** Mostly short: what happens soon after opening matters as much as what happens later. */
function killDelayMs(): number {
  return Math.floor(2_000 * random() ** 2);
}

let state = new Map<string | number, KillRecord>();
/** The first operation that no child has begun. */
let next = 0;

async function runRound(): Promise<Verdict & { readonly begun: number }> {
  const callers = 1 + Math.floor(random() * 4);
  const from = random() < 0.1 ? 'start' : 'open';
  const { begun, acknowledged, failure } = await runAndKill(callers, killDelayMs(), from);
  // Killed while it recovers what the first one left.
  if (random() < 0.3) await runAndKill(0, Math.floor(400 * random()), 'start');
  // Calls are committed in their order: what was called before an acknowledged one is certain as well.
  const last = Math.max(next - 1, ...acknowledged);
  for (let number = next; number <= last; number++) applyTo(state, operationOf(seed, number));
  const inFlight = [...begun].filter((number) => number > last).sort((a, b) => a - b);
  next = Math.max(next, ...[...begun].map((number) => number + 1));
  const { database, collection } = await openForKill(directory);
  try {
    const operations = inFlight.map((number) => operationOf(seed, number));
    const verdict = await judge(database, collection, state, operations);
    const problems = failure === undefined ? verdict.problems : [failure, ...verdict.problems];
    return { ...verdict, problems, begun: begun.size };
  } finally {
    await database.close();
  }
}

/** Prints the round; false when it failed, after which nothing is known any more. */
async function passes(round: number): Promise<boolean> {
  let problems: readonly string[];
  let summary = '';
  try {
    const verdict = await runRound();
    ({ state, problems } = verdict);
    const walkPercent = (100 * verdict.walkRecall).toFixed(2);
    summary = `${verdict.begun} operations begun, ${verdict.survived} in flight survived, `;
    summary += `${state.size} records, ${walkPercent} % found by a walk`;
  } catch (error) {
    problems = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  console.log(`round ${round}: ${problems.length === 0 ? 'passed' : 'FAILED'}; ${summary}`);
  for (const problem of [...new Set(problems)].slice(0, 20)) console.log(`  ${problem}`);
  return problems.length === 0;
}

let passed = 0;
while (passed < rounds && (await passes(passed + 1))) passed++;
const isGood = passed === rounds;
if (isGood) rmSync(directory, { recursive: true, force: true });
else console.log(`seed ${seed}; the directory is kept: ${directory}`);
console.log(`${passed} passed, ${isGood ? 0 : 1} failed`);
process.exitCode = isGood ? 0 : 1;
