/**
 * How fast are searches at equal recall, what does the index cost, and does it give the same answers
 * with little memory and after it was closed?
 *
 * Builds by `upsert` batches of 100 (durability sync, one caller awaiting each batch), or by `build` with
 * `--load build`, then measures recall@10 against queries per second over `ef`, and over `recall` in its place,
 * beside hnswlib in the same run (as a package, and as a C++ program of its own that times itself) and usearch.
 * Each subject works in child processes of its own; rounds of all queries are interleaved among them, and a figure
 * is the median of the rounds.
 *
 * `--budget MB` is what stratavec may take for the curve, in place of the library's default: a larger one shows large
 * sets with everything in memory, as the peers hold them.
 *
 * npm run bench -- search --data DIR --full [--dataset a,b:100000,b] [--load build] [--budget MB]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OneDataset, onEachDataset } from './harness/each-dataset.ts';
import { orExit, parseCount, readBenchOptionsAnd } from './harness/options.ts';
import { choosePeers } from './harness/peers.ts';
import { buildAll } from './search/build-phase.ts';
import { checkReopening, checkSmallMemory } from './search/check-phase.ts';
import { measureAll } from './search/measure-phase.ts';
import { type Run, subjectStarter } from './search/run.ts';
import type { Load } from './search/subject.ts';
import { searchPeers } from './search/subjects.ts';

const { options, own } = readBenchOptionsAnd(['load', 'budget']);
const load = chooseLoad(own.load);
const megabytes = orExit(() => parseCount('--budget', own.budget));
const memoryBytes = megabytes && megabytes * 1_000_000;
const subjects = ['stratavec', 'stratavec-recall', ...choosePeers(searchPeers, options.peers)];
await onEachDataset('search', options, searchOne);

async function searchOne({ dataset, options, report }: OneDataset): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));
  const run: Run = {
    dataset,
    subjects,
    report,
    options,
    k: 10,
    rounds: options.full ? 5 : 1,
    searchesPerRound: options.full ? 2_000 : 1,
    // From k up: no subject keeps fewer candidates than it returns.
    efs: options.full ? [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640] : [10, 40, 160],
    memoryBytes,
    start: subjectStarter({ dataset, options }, directory, { load }),
  };
  try {
    await buildAll(run, directory);
    const answers = await measureAll(run);
    const same = await checkSmallMemory(run, answers);
    const sameAgain = await checkReopening(run, answers);
    if (!same || !sameAgain) process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function chooseLoad(given: string | undefined): Load {
  if (given === undefined || given === 'upsert') return 'upsert';
  if (given === 'build') return 'build';
  console.error(`--load takes upsert or build, got '${given}'`);
  process.exit(2);
}
