/**
 * The run-books of the NeurIPS 2023 streaming track (Simhadri et al., "Results of the Big ANN: NeurIPS'23
 * competition"): YAML, one section a data set, numbered steps `insert`, `delete`, `replace`, `search` over
 * ranges of ids. The ranges are scaled down to the rows that there are; steps between two searches are
 * one epoch.
 */
import { parse } from 'yaml';
import type { Dataset } from '../harness/dataset.ts';
import type { Epoch, Workload } from './workload.ts';

interface Step {
  readonly operation: string;
  readonly start?: number;
  readonly end?: number;
  readonly tags_start?: number;
  readonly tags_end?: number;
  readonly ids_start?: number;
  readonly ids_end?: number;
}

/** The steps of a section, in order, and the largest row that they name. */
export interface Runbook {
  readonly section: string;
  readonly rows: number;
  readonly steps: readonly Step[];
}

/** The first section, unless one is named. Throws an `Error` that says what is wrong. */
export function parseRunbook(text: string, section?: string): Runbook {
  const sections = parse(text) as Record<string, Record<string, unknown>> | null;
  const names = Object.keys(sections ?? {});
  const name = section ?? names[0];
  const body = sections?.[name ?? ''];
  if (name === undefined || typeof body !== 'object') {
    throw new Error(
      `no section '${section ?? ''}' in the run-book; there are: ${names.join(', ')}`,
    );
  }
  const steps = Object.keys(body)
    .filter((key) => /^\d+$/.test(key))
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => requireStep(body[key], key));
  const largest = Math.max(...steps.map(({ end = 0, ids_end = 0 }) => Math.max(end, ids_end)));
  return { section: name, rows: Math.max(Number(body.max_pts ?? 0), largest), steps };
}

type Source = Pick<Dataset, 'name' | 'metric' | 'base' | 'queries'>;

/** `interval`: recall is measured after every so many searches of the run-book, and after the last. */
export function runbookWorkload(runbook: Runbook, source: Source, interval: number): Workload {
  const scale = Math.min(1, source.base.rows / runbook.rows);
  const builder = new EpochBuilder((value) => Math.floor(value * scale));
  const epochs: Omit<Epoch, 'number' | 'isMeasured'>[] = [];
  for (const step of runbook.steps) {
    if (step.operation !== 'search') builder.apply(step);
    else if (!builder.isEmpty) epochs.push(builder.take());
  }
  if (!builder.isEmpty) epochs.push(builder.take());
  const [base, ...rest] = epochs;
  if (base === undefined) throw new Error(`run-book ${runbook.section} inserts nothing`);
  return {
    name: runbook.section,
    dataset: source.name,
    metric: source.metric,
    vectors: source.base,
    queries: source.queries,
    base,
    epochs: rest.map((epoch, number) => ({
      ...epoch,
      number,
      isMeasured: number % interval === 0 || number === rest.length - 1,
    })),
  };
}

/** Gathers steps; within an epoch the last word on an id counts. */
class EpochBuilder {
  readonly #scaled: (value: number) => number;
  readonly #living = new Set<number>();
  /** Row by id, since the last `take`; -1: deleted. */
  #changes = new Map<number, number>();
  /** Living when the epoch began. */
  #before = new Set<number>();

  constructor(scaled: (value: number) => number) {
    this.#scaled = scaled;
  }

  get isEmpty(): boolean {
    return this.#changes.size === 0;
  }

  apply(step: Step): void {
    const [first, end] = [this.#scaled(step.start ?? 0), this.#scaled(step.end ?? 0)];
    if (step.operation === 'insert') {
      for (let id = first; id < end; id++) this.#put(id, id);
    } else if (step.operation === 'delete') {
      for (let id = first; id < end; id++) this.#remove(id);
    } else {
      const tag = this.#scaled(step.tags_start ?? 0);
      const row = this.#scaled(step.ids_start ?? 0);
      const count = Math.min(
        this.#scaled(step.tags_end ?? 0) - tag,
        this.#scaled(step.ids_end ?? 0) - row,
      );
      for (let i = 0; i < count; i++) this.#put(tag + i, row + i);
    }
  }

  take(): Omit<Epoch, 'number' | 'isMeasured'> {
    const changes = [...this.#changes];
    const written = changes.filter(([, row]) => row >= 0);
    const deleted = changes.filter(([id, row]) => row < 0 && this.#before.has(id));
    this.#changes = new Map();
    this.#before = new Set(this.#living);
    return {
      ids: Uint32Array.from(written, ([id]) => id),
      rows: Uint32Array.from(written, ([, row]) => row),
      deleted: Uint32Array.from(deleted, ([id]) => id),
    };
  }

  #put(id: number, row: number): void {
    this.#living.add(id);
    this.#changes.set(id, row);
  }

  /** Run-books delete some ids twice, or rounding makes two ranges meet. */
  #remove(id: number): void {
    if (this.#living.delete(id)) this.#changes.set(id, -1);
  }
}

function requireStep(value: unknown, key: string): Step {
  const step = value as Step;
  const known = ['insert', 'delete', 'replace', 'search'];
  if (typeof step !== 'object' || step === null || !known.includes(step.operation)) {
    throw new Error(`step ${key} of the run-book: expected one of ${known.join(', ')}`);
  }
  return step;
}
