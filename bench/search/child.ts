/**
 * The process of one subject. Started with one argument, the JSON of a `ChildSetup`; the parent then asks
 * it to build, or to open and search.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '../harness/child.ts';
import { type DatasetChoice, loadQueries, loadVectors } from '../harness/dataset.ts';
import { type ProcessMemory, processMemory, settleMemory } from '../harness/memory.ts';
import type { Value } from '../harness/report.ts';
import type { Build, Growth, IndexOptions, Round, Searcher } from './subject.ts';
import { makeSubject } from './subjects.ts';

export interface ChildSetup {
  readonly subject: string;
  readonly directory: string;
  readonly choice: DatasetChoice;
  /** Only a child that builds holds the base. */
  readonly task: 'build' | 'search';
  readonly index: IndexOptions;
  /** Of `open`; undefined: the subject's default. */
  readonly memoryBytes: number | undefined;
}

export interface Empty {
  readonly options: Readonly<Record<string, Value>>;
}

export interface BuildAnswer extends Build {
  readonly growth: Growth;
}

export interface OpenAnswer {
  readonly openMs: number;
  readonly codes: string | undefined;
}

/** What the parent may ask, with the answers. */
export interface SearchAsk {
  readonly k: number;
  readonly ef: number;
  /** How often all queries are searched for; latencies and seconds are those of all passes. Default: 1. */
  readonly passes?: number;
}

const setup = JSON.parse(process.argv[2]) as ChildSetup;
const { directory, choice, memoryBytes } = setup;
const queries = loadQueries(choice);
const base = setup.task === 'build' ? loadVectors(choice).base : undefined;
const subject = makeSubject(setup.subject, setup.index, queries);

let empty: ProcessMemory = processMemory();
let searcher: Searcher | undefined;

function opened(): Searcher {
  if (searcher === undefined) throw new Error('nothing is open yet');
  return searcher;
}

function growth(): Growth {
  const own = searcher?.growth?.();
  if (own !== undefined) return own;
  const now = processMemory();
  return {
    residentBytes: now.residentBytes - empty.residentBytes,
    anonymousBytes:
      now.anonymousBytes === undefined || empty.anonymousBytes === undefined
        ? undefined
        : now.anonymousBytes - empty.anonymousBytes,
    peakResidentBytes: now.peakResidentBytes - empty.residentBytes,
  };
}

serve({
  async empty(): Promise<Empty> {
    const folder = join(directory, `empty-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    const options = await subject.openEmpty(folder, memoryBytes, () => {
      settleMemory();
      empty = processMemory();
    });
    return { options };
  },

  async build(): Promise<BuildAnswer> {
    const folder = join(directory, 'index');
    mkdirSync(folder, { recursive: true });
    if (base === undefined) throw new Error('this child was not started to build');
    const build = await subject.build(folder, base);
    const { peakResidentBytes = growth().peakResidentBytes } = build;
    return { ...build, growth: { ...growth(), peakResidentBytes } };
  },

  async open(): Promise<OpenAnswer> {
    const start = performance.now();
    searcher = await subject.open(join(directory, 'index'), memoryBytes);
    return { openMs: performance.now() - start, codes: searcher.codes?.() };
  },

  async search({ k, ef, passes = 1 }: SearchAsk): Promise<Round> {
    const rounds: Round[] = [];
    for (let pass = 0; pass < passes; pass++) rounds.push(await opened().searchAll(k, ef));
    return {
      ...rounds[0],
      latenciesMs: Float64Array.from(rounds.flatMap(({ latenciesMs }) => [...latenciesMs])),
      seconds: rounds.reduce((sum, { seconds }) => sum + seconds, 0),
    };
  },

  count: ({ k, ef }: SearchAsk) => opened().countAll(k, ef),
  growth,
  statistics: () => opened().statistics(),
  close: () => opened().close(),
});
