/** The process of one subject. Started with one argument, the JSON of a `ChildSetup`. */
import { mkdirSync } from 'node:fs';
import { serve } from '../harness/child.ts';
import { processMemory, settleMemory } from '../harness/memory.ts';
import { chosenWorkload, type WorkloadChoice } from './choice.ts';
import { HnswlibSubject } from './hnswlib-subject.ts';
import { StratavecSubject } from './stratavec-subject.ts';
import type { Answers, ChurnSubject, EpochFigures, IndexOptions, LoadFigures } from './subject.ts';
import { livingAtEnd } from './workload.ts';

export interface ChildSetup {
  readonly subject: string;
  readonly directory: string;
  readonly choice: WorkloadChoice;
  readonly index: Pick<IndexOptions, 'm' | 'efConstruction' | 'seed'>;
  readonly memoryBytes: number | undefined;
  /** Fill the base by the bulk build. */
  readonly build: boolean;
  /** Load what lives at the end of the workload instead of the base: what a new index would be. */
  readonly fresh: boolean;
}

export interface RunAsk {
  readonly epoch: number;
  readonly searches: number;
  readonly ef: number;
}

export interface RhythmAsk {
  readonly rounds: number;
  readonly pauseMs: number;
  readonly searches: number;
  readonly ef: number;
}

const setup = JSON.parse(process.argv[2]) as ChildSetup;
const chosen = chosenWorkload(setup.choice);
const workload = setup.fresh ? { ...chosen, base: livingAtEnd(chosen) } : chosen;
const options: IndexOptions = {
  ...setup.index,
  metric: workload.metric,
  dimension: workload.vectors.dimension,
};
mkdirSync(setup.directory, { recursive: true });
const subject: ChurnSubject =
  setup.subject === 'stratavec'
    ? new StratavecSubject(setup.directory, options, setup.memoryBytes, workload)
    : new HnswlibSubject(options, workload);
settleMemory();
const before = processMemory().residentBytes;

/** Searches that come as those of a run do, a few after each pause: caches are cold by then. */
async function searchInRhythm({ rounds, pauseMs, searches, ef }: RhythmAsk): Promise<Float64Array> {
  const latenciesMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    latenciesMs.push(...(await subject.searchSome(searches, ef)));
  }
  return Float64Array.from(latenciesMs);
}

serve({
  load: (): Promise<LoadFigures> => subject.load(workload, setup.build),
  run: ({ epoch, searches, ef }: RunAsk): Promise<EpochFigures> =>
    subject.run(workload.epochs[epoch], searches, ef),
  settle: (): Promise<number> => subject.settle(),
  search: ({ k, ef }: { k: number; ef: number }): Promise<Answers> => subject.searchAll(k, ef),
  rhythm: searchInRhythm,
  storage: (): Promise<Readonly<Record<string, number>>> => subject.storage(),
  memory: () => {
    const now = processMemory();
    return {
      residentBytes: now.residentBytes - before,
      peakResidentBytes: now.peakResidentBytes - before,
    };
  },
  close: (): Promise<void> => subject.close(),
});
