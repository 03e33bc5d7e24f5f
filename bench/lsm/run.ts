/** One workload on all subjects: phases in order, in each the subjects in turn, all of it once a round. */
import { join } from 'node:path';
import type { Child } from '../harness/child.ts';
import type { LoopDelay } from '../harness/event-loop.ts';
import type { Row } from '../harness/report.ts';
import type { OpenAsk } from './child.ts';
import type { GetAsk, Measure, WriteAsk } from './phases.ts';
import type { Results } from './results.ts';
import type { StoreOptions } from './store.ts';
import type { WorkloadChoice } from './workload.ts';

export interface Run {
  readonly subjects: ReadonlyMap<string, Child>;
  readonly control: Child;
  readonly directory: string;
  readonly rounds: number;
  readonly batchEntries: number;
}

export type RunStoreOptions = Omit<StoreOptions, 'directory'>;

/** The stores of one round; `config` is what every row of it says. */
export class Stores {
  readonly #run: Run;
  readonly #results: Results;
  readonly #workload: WorkloadChoice;
  readonly #configs = new Map<string, Row['config']>();

  constructor(run: Run, results: Results, workload: WorkloadChoice) {
    this.#run = run;
    this.#results = results;
    this.#workload = workload;
  }

  async open(options: RunStoreOptions): Promise<void> {
    for (const [subject, child] of this.#run.subjects) {
      const directory = join(this.#run.directory, subject);
      const ask: OpenAsk = {
        subject,
        workload: this.#workload,
        options: { ...options, directory },
      };
      this.#configs.set(subject, await child.ask<Row['config']>('open', ask));
    }
  }

  /** A phase of writes with an idle process beside it. */
  async write(work: string, ask: Omit<WriteAsk, 'batchEntries'>): Promise<void> {
    const { subjects, control, batchEntries } = this.#run;
    for (const [subject, child] of subjects) {
      await control.ask('startControl');
      const measure = await child.ask<Measure>('write', { ...ask, batchEntries });
      const { eventLoopDelayP999Ms, eventLoopDelayMaxMs } =
        await control.ask<LoopDelay>('stopControl');
      const space = ask.settle
        ? { spaceAmplification: await child.ask<number>('spaceAmplification') }
        : {};
      this.#add(subject, work, {
        ...measure,
        metrics: {
          ...measure.metrics,
          idleP999Ms: eventLoopDelayP999Ms,
          idleMaxMs: eventLoopDelayMaxMs,
          ...space,
        },
      });
    }
  }

  /** Synchronous reads of all subjects; with `awaited` the awaited ones of those who offer them. */
  async get(work: string, ask: GetAsk): Promise<void> {
    for (const [subject, child] of this.#run.subjects) {
      if (ask.awaited && !(await child.ask<boolean>('canAwait'))) continue;
      this.#add(subject, work, await child.ask<Measure>('get', ask));
    }
  }

  /** Forward, then backward. */
  async scan(): Promise<void> {
    for (const isReverse of [false, true]) {
      const work = isReverse ? 'scan backward' : 'scan';
      for (const [subject, child] of this.#run.subjects) {
        this.#add(subject, work, await child.ask<Measure>('scan', { isReverse }));
      }
    }
  }

  /** What a subject needs on disk at least: the measure of what lies there without need. */
  async compact(): Promise<void> {
    for (const [subject, child] of this.#run.subjects) {
      const measure = await child.ask<Measure>('compact');
      const spaceAmplification = await child.ask<number>('spaceAmplification');
      this.#add(subject, 'full compaction', { ...measure, metrics: { spaceAmplification } });
    }
  }

  async close(remove: boolean): Promise<void> {
    for (const child of this.#run.subjects.values()) {
      await child.ask('close');
      if (remove) await child.ask('remove');
    }
  }

  #add(subject: string, work: string, measure: Measure): void {
    this.#results.add(subject, { work, ...this.#configs.get(subject) }, measure);
  }
}
