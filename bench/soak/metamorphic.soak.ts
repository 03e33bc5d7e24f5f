/**
 * Do the answers depend on anything but the commits?
 *
 * One random trace runs under several random vectors of options, one of them on the real disk with a worker,
 * and one of changes to a graph under every layout as well. After each step every engine must answer as the
 * model does, and every graph as the first.
 *
 * npm run soak -- metamorphic [--minutes N | --rounds N] [--seed S]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadHasher } from '../../src/base/hasher.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { createGraphLayout, type GraphLayoutName } from '../../src/lsm/graph/graph-layout.ts';
import { GraphStore } from '../../src/lsm/graph/graph-store.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { LISTS } from './engine-model.ts';
import {
  below,
  pick,
  type RandomOptions,
  randomIds,
  randomOptions,
  randomSteps,
  type Step,
} from './engine-random.ts';
import { assertSame, DIRECTORY } from './engine-run.ts';
import { runSteps } from './model-round.ts';
import { runRounds } from './rounds.ts';
import type { Trial } from './trial.ts';

const hasherLoading = loadHasher();
const vectors = 5;
const nodeCount = 12;

await runRounds('metamorphic', async (trial) => {
  const { random } = trial;
  const steps = randomSteps(random, 20 + below(random, 80));
  const changes = Array.from({ length: 20 + below(random, 150) }, () => randomGraphChange(random));
  let history: readonly string[] | undefined;
  for (let i = 0; i < vectors; i++) {
    const options = randomOptions(random);
    if (i === 0) await runOnDisk(trial, options, steps);
    else await runSteps(trial, options, steps);
    const layout = pick(random, ['vertex', 'delta', 'hybrid'] as const);
    const answers = await runGraph(random, options, layout, changes);
    history ??= answers;
    assertSame(answers, history, `layout ${layout}, options ${JSON.stringify(options)}`);
  }
});

/** With a worker that flushes and compacts, which files in memory do not have. */
async function runOnDisk(
  trial: Trial,
  options: RandomOptions,
  steps: readonly Step[],
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'stratavec-metamorphic-'));
  try {
    const place = { fileSystem: new NodeFileSystem(), directory: `${folder}/lsm` };
    await runSteps(trial, { ...options, executor: 'worker' }, steps, place);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface GraphChange {
  readonly do: 'set' | 'add' | 'add' | 'remove' | 'remove node';
  readonly hi: number;
  readonly node: number;
  readonly ids: Uint32Array;
}

function randomGraphChange(random: Random): GraphChange {
  return {
    do: pick(random, ['set', 'add', 'add', 'add', 'remove', 'remove', 'remove node']),
    hi: below(random, 2),
    node: below(random, nodeCount),
    ids: randomIds(random),
  };
}

/** The answers after each change, with work on the files at random moments between. */
async function runGraph(
  random: Random,
  options: RandomOptions,
  layout: GraphLayoutName,
  changes: readonly GraphChange[],
): Promise<string[]> {
  // The trace is the same for all, the moments are not.
  const moments = seededRandom(below(random, 2 ** 32));
  const hasher = await hasherLoading;
  const disk = new MemoryFileSystem();
  const openGraph = async (): Promise<{ engine: LsmEngine; graph: GraphStore }> => {
    const engine = await LsmEngine.open(disk, DIRECTORY, { ...options, hasher });
    return { engine, graph: new GraphStore(engine, LISTS, createGraphLayout(layout, LISTS)) };
  };
  let { engine, graph } = await openGraph();
  const answers: string[] = [];
  for (const change of changes) {
    const batch = new WriteBatch();
    addTo(batch, graph, change);
    engine.write(batch);
    if (engine.shouldCheckpoint() || moments() < 0.1) await engine.checkpoint();
    if (moments() < 0.05) await engine.compact();
    if (moments() < 0.02) {
      await engine.close();
      ({ engine, graph } = await openGraph());
    }
    answers.push(shownGraph(graph));
  }
  await engine.close();
  return answers;
}

function addTo(batch: WriteBatch, graph: GraphStore, change: GraphChange): void {
  const { hi, node, ids } = change;
  if (change.do === 'set') graph.setNeighbours(batch, hi, node, ids);
  else if (change.do === 'add') graph.addEdges(batch, hi, node, ids);
  else if (change.do === 'remove') graph.removeEdges(batch, hi, node, ids);
  else graph.removeNode(batch, hi, node);
}

/** Every list, by point reads and by scans. */
function shownGraph(graph: GraphStore): string {
  const into = new Uint32Array(64);
  const lines: string[] = [];
  for (const hi of [0, 1]) {
    for (let node = 0; node < nodeCount; node++) {
      const count = graph.neighbours(hi, node, into);
      if (count >= 0) lines.push(`${hi} ${node}: ${into.subarray(0, count).join(' ')}`);
    }
  }
  const scanned: string[] = [];
  for (const hi of [0, 1]) {
    const scan = graph.scan(hi);
    while (scan.next()) {
      const count = scan.neighbours(into);
      scanned.push(`${hi} ${scan.node}: ${into.subarray(0, count).join(' ')}`);
    }
    scan.close();
  }
  assertSame(scanned, lines, 'a scan of the graph');
  return lines.join('; ');
}
