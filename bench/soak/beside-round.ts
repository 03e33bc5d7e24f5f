/**
 * Readers beside writers, checkpoints, merges, sweeps, memory that is taken away and workers that die: each answer must
 * be that of one commit between its beginning and its end, those of one snapshot all that of one and the same.
 * Beams are so wide that they miss nothing; on 1-bit codes, which leave a neighbour out now and then, that is not so.
 */
import { setTimeout } from 'node:timers/promises';
import type { Random } from '../../src/base/random.ts';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import type { Session } from '../../src/database/session.ts';
import {
  type Collection,
  isDatabaseError,
  type SearchOptions,
  type SnapshotCollection,
} from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import {
  type Answer,
  isAnswer,
  keyOf,
  type Question,
  rightAnswer,
  type Selection,
  type Shown,
  type State,
} from './beside-model.ts';
import {
  DIMENSION,
  IDS,
  N_MAX,
  NAMES,
  NAMESPACES,
  randomVector,
  TWIN_DIMENSION,
  Writes,
} from './beside-writes.ts';
import { below, pick } from './engine-random.ts';

export interface BesideOptions {
  readonly threads: number;
  /** Writes of the round. */
  readonly steps: number;
  /** Takes memory away, and leaves nonsense where cells were. */
  readonly squeezes: boolean;
  /** Ends workers. */
  readonly kills: boolean;
  /** Asked after `steps` writes: until it is so, more follow, twenty times as many in all at the most. Default: it is. */
  readonly isEnough?: (replaced: number) => boolean;
}

export interface BesideTally {
  answers: number;
  /** Workers that were replaced. */
  replaced: number;
  /** What was done, by name. */
  readonly done: Map<string, number>;
}

type Readable = Pick<
  Collection<{ n: number }> | SnapshotCollection<{ n: number }>,
  'get' | 'count' | 'search' | 'searchMany' | 'scan'
>;

/** Wider than any collection is large. */
const EF = 4 * IDS;
const STEPS_FACTOR_MAX = 20;
const MEMORY_BYTES = [10_000_000, 16_000_000, 48_000_000] as const;

/** Runs one round; throws what was wrong. */
export async function besideRound(
  random: Random,
  options: BesideOptions,
  tally: BesideTally,
): Promise<void> {
  const round = new Round(random, options, tally);
  const { now } = performance;
  // Every look at the clock ends a slice: whatever can pause does.
  let ticks = 0;
  if (random() < 0.7) performance.now = () => 7 * ++ticks;
  try {
    await round.run();
  } finally {
    performance.now = now;
  }
}

class Round {
  readonly #random: Random;
  readonly #options: BesideOptions;
  readonly #tally: BesideTally;
  readonly #fileSystem = new MemoryFileSystem();
  readonly #stop = new AbortController();
  readonly #settings;
  #writes: Writes | undefined;

  constructor(random: Random, options: BesideOptions, tally: BesideTally) {
    this.#random = random;
    this.#options = options;
    this.#tally = tally;
    const { threads } = options;
    const memoryBytes = pick(random, MEMORY_BYTES);
    const durability = pick(random, ['sync', 'os', 'none'] as const);
    const onWarning = (warning: unknown): void => {
      this.#stop.abort(warning);
    };
    const now = (): number => this.#writes?.clock ?? 0;
    this.#settings = checkDatabaseOptions({ memoryBytes, threads, durability, now, onWarning });
  }

  async run(): Promise<void> {
    const random = this.#random;
    const session = await openSession('/db', this.#fileSystem, this.#settings);
    const database = new Database(session);
    const writes = new Writes(random, database, {
      exactBelow: pick(random, [0, 50]),
      m: pick(random, [8, 16]),
    });
    this.#writes = writes;
    await writes.begin();
    const others = this.#others(session, database, writes);
    try {
      for (let i = 0; this.#goesOn(i, session) && !this.#stop.signal.aborted; i++) {
        await writes.step();
        if (random() < 0.5) await setTimeout(0);
      }
      await writes.drain();
    } finally {
      if (!this.#stop.signal.aborted) this.#stop.abort('done');
      await Promise.all(others);
    }
    if (this.#stop.signal.reason !== 'done') throw this.#stop.signal.reason;
    this.#note(session, writes);
    await this.#settled(database, writes);
    await database.close();
    const again = new Database(await openSession('/db', this.#fileSystem, this.#settings));
    for (const i of [0, 1]) writes.things[i] = await again.collection(NAMES[i]);
    await this.#settled(again, writes);
    await again.close();
  }

  #goesOn(step: number, { stores }: Session): boolean {
    const { steps, isEnough = () => true } = this.#options;
    if (step < steps) return true;
    return step < STEPS_FACTOR_MAX * steps && !isEnough(stores.workers?.replaced ?? 0);
  }

  #note({ stores }: Session, { counts }: Writes): void {
    const { done } = this.#tally;
    for (const [what, count] of counts) done.set(what, (done.get(what) ?? 0) + count);
    this.#tally.replaced += stores.workers?.replaced ?? 0;
  }

  /** Whatever goes on beside the writes, until they are done. */
  #others(session: Session, database: Database, writes: Writes): Promise<void>[] {
    const random = this.#random;
    const { squeezes, kills } = this.#options;
    const others = [
      this.#during(0, () => this.#read(writes)),
      this.#during(0, () => this.#read(writes)),
      this.#during(0, () => this.#readMany(writes)),
      this.#during(5, () => this.#snapshot(database, writes)),
      this.#during(30, () => database.flush()),
      this.#during(200, () => database.compact()),
    ];
    if (squeezes) others.push(this.#during(6, () => squeeze(session.stores)));
    const kill = (): unknown => {
      const workers = session.stores.workers?.workers ?? [];
      return workers.length > 0 && pick(random, workers).terminate();
    };
    if (kills) others.push(this.#during(600, kill));
    return others;
  }

  /** Does it again and again, with pauses up to so many ms. The first failure ends the round. */
  async #during(pauseMs: number, act: () => unknown): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await act();
      } catch (error) {
        this.#stop.abort(error);
      }
      await setTimeout(pauseMs * this.#random());
    }
  }

  async #read(writes: Writes): Promise<void> {
    const i = below(this.#random, 2);
    const question = this.#question();
    const { past } = writes;
    const first = past.ended;
    const answer = await answerOf(writes.things[i], question);
    this.#narrow(past.between(first, past.begun), i, { question, answer });
  }

  /** Searches that are asked together are answered by one commit. */
  async #readMany(writes: Writes): Promise<void> {
    const i = below(this.#random, 2);
    const questions = Array.from({ length: 6 }, () => this.#search());
    const { past } = writes;
    const first = past.ended;
    const answers = await unlessDropped(async () => {
      const found = await writes.things[i].searchMany(questions.map(optionsOf));
      return found.map((hits) => hits.map(shownOf));
    });
    let states = past.between(first, past.begun);
    for (const [j, question] of questions.entries()) {
      const answer = answers === 'dropped' ? answers : answers[j];
      states = this.#narrow(states, i, { question, answer });
    }
  }

  async #snapshot(database: Database, { past }: Writes): Promise<void> {
    const first = past.ended;
    await using snapshot = await database.snapshot();
    let states = past.between(first, past.begun);
    for (let round = 0; round < 12; round++) {
      const i = below(this.#random, 2);
      const question = this.#question();
      const ask = async () =>
        await answerOf(snapshot.collection<{ n: number }>(NAMES[i]), question);
      const answer = await unlessDropped(ask);
      states = this.#narrow(states, i, { question, answer });
      await setTimeout(8 * this.#random());
    }
  }

  /** Those of the states in which that is the answer; there must be one. */
  #narrow(
    states: readonly State[],
    collection: number,
    asked: { readonly question: Question; readonly answer: Answer },
  ): readonly State[] {
    this.#tally.answers++;
    const possible = states.filter((state) => isAnswer(state, collection, asked));
    if (possible.length > 0) return possible;
    const { vector, twin, ...rest } = { vector: undefined, twin: undefined, ...asked.question };
    const question = { ...rest, spaces: [vector && 'vector', twin && 'twin'] };
    const right = states.map((state) => rightAnswer(state, collection, asked.question));
    const differences = right.map((one) => difference(asked.answer, one));
    throw new Error(`an answer of no commit: ${JSON.stringify({ question, differences })}`);
  }

  #selection(): Selection {
    const random = this.#random;
    const namespace = random() < 0.3 ? { namespace: pick(random, NAMESPACES) } : {};
    return random() < 0.4 ? { ...namespace, below: below(random, N_MAX) } : namespace;
  }

  #question(): Question {
    const random = this.#random;
    const dice = random();
    if (dice < 0.15) return { ask: 'count', selection: this.#selection() };
    if (dice < 0.25) return { ask: 'scan', selection: this.#selection() };
    if (dice < 0.35)
      return { ask: 'get', namespace: pick(random, NAMESPACES), id: below(random, IDS) };
    return this.#search();
  }

  #search(): Question & { ask: 'search' } {
    const random = this.#random;
    const vector = randomVector(random, DIMENSION);
    const twin = randomVector(random, TWIN_DIMENSION);
    const dice = random();
    const queries = dice < 0.65 ? { vector } : dice < 0.85 ? { twin } : { vector, twin };
    const selection = random() < 0.5 ? {} : this.#selection();
    return { ask: 'search', k: 12, ...queries, selection, isExact: random() < 0.2 };
  }

  /** At the end everything is as the last state has it, and sound. */
  async #settled(database: Database, writes: Writes): Promise<void> {
    const { problems } = await database.check();
    if (problems.length > 0) throw new Error(JSON.stringify(problems.slice(0, 5)));
    for (const i of [0, 1]) {
      for (const question of [{ ask: 'scan', selection: {} } as const, this.#search()]) {
        const answer = await answerOf(writes.things[i], question);
        this.#narrow([writes.past.last], i, { question, answer });
      }
    }
  }
}

/** What is in one of the answers alone. */
function difference(answer: Answer, right: Answer): unknown {
  if (typeof answer !== 'object' || typeof right !== 'object') return { answer, right };
  const text = (shown: Shown): string =>
    `${shown.key} n ${shown.n} at ${shown.distance?.toFixed(3)}`;
  const [found, wanted] = [answer.map(text), right.map(text)];
  const missing = wanted.filter((one) => !found.includes(one));
  return { wrong: found.filter((one) => !wanted.includes(one)), missing, of: wanted.length };
}

/** What `ask` gives, unless its collection is not there. */
async function unlessDropped<T>(ask: () => Promise<T>): Promise<T | 'dropped'> {
  try {
    return await ask();
  } catch (error) {
    if (isDatabaseError(error) && error.code === 'NOT_FOUND') return 'dropped';
    throw error;
  }
}

async function answerOf(things: Readable, question: Question): Promise<Answer> {
  return await unlessDropped(async () => {
    if (question.ask === 'count') return await things.count(selected(question.selection));
    if (question.ask === 'search') return (await things.search(optionsOf(question))).map(shownOf);
    if (question.ask === 'get') {
      const found = await things.get(question.id, {
        namespace: question.namespace,
        include: ['metadata'],
      });
      return found === undefined ? [] : [shownOf(found)];
    }
    const all: Shown[] = [];
    const include = ['metadata'] as const;
    for await (const found of things.scan({ ...selected(question.selection), include }))
      all.push(shownOf(found));
    return all;
  });
}

function selected({ namespace, below: most }: Selection) {
  const filter = most === undefined ? undefined : { n: { $lt: most } };
  return { namespace, filter };
}

function optionsOf({
  k,
  vector,
  twin,
  selection,
  isExact,
}: Question & { ask: 'search' }): SearchOptions<{ n: number }> {
  const shared = {
    k,
    ef: EF,
    exact: isExact,
    include: ['metadata'] as const,
    ...selected(selection),
  };
  if (vector === undefined) return { ...shared, vector: twin, vectorName: 'twin' };
  return twin === undefined ? { ...shared, vector } : { ...shared, vector, vectors: { twin } };
}

interface Found {
  readonly namespace: string;
  readonly id: unknown;
  readonly metadata?: { readonly n: number };
  readonly distance?: number;
}

function shownOf({ namespace, id, metadata, distance }: Found): Shown {
  const shown = { key: keyOf(namespace, id as number), n: metadata?.n ?? Number.NaN };
  return distance === undefined ? shown : { ...shown, distance };
}

/** Takes everything away that can go, and fills half of what is free with nonsense. */
function squeeze({ allocator, kernels }: Session['stores']): void {
  try {
    allocator.allocateRun(allocator.totalBytes);
  } catch {
    // There never is so much: all cells that can go have gone.
  }
  const bytes = Math.floor(allocator.stats().freeBytes / 2);
  if (bytes === 0) return;
  let run: number;
  try {
    run = allocator.allocateRun(bytes);
  } catch {
    return; // What is free does not lie together.
  }
  kernels.memory.u8.fill(0xee, run, run + bytes);
  allocator.freeRun(run, bytes);
}
