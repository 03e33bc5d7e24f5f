/**
 * What two collections may answer while others write to them: every state that the commits lead through, and whether
 * an answer is that of one of them. The simplest model that could be right: maps, and a look at everything.
 */

/** A record as the model has it. */
export interface Item {
  readonly namespace: string;
  readonly id: number;
  readonly vector: Float32Array | undefined;
  readonly twin: Float32Array | undefined;
  readonly n: number;
  /** In ms of the clock; undefined: it stays. */
  readonly expiresAt: number | undefined;
}

/** By `keyOf`; undefined: the collection was dropped. */
export type Items = ReadonlyMap<string, Item> | undefined;

/** Of one commit, or of one moment by which records have expired. */
export interface State {
  readonly collections: readonly Items[];
  readonly clock: number;
}

export interface Selection {
  readonly namespace?: string;
  /** Records whose `n` is smaller. */
  readonly below?: number;
}

export type Question =
  | {
      readonly ask: 'search';
      readonly k: number;
      readonly vector?: Float32Array;
      readonly twin?: Float32Array;
      readonly selection: Selection;
      readonly isExact: boolean;
    }
  | { readonly ask: 'count'; readonly selection: Selection }
  | { readonly ask: 'scan'; readonly selection: Selection }
  | { readonly ask: 'get'; readonly namespace: string; readonly id: number };

/** A record that was given back, and how far it is when it was searched. */
export interface Shown {
  readonly key: string;
  readonly n: number;
  readonly distance?: number;
}

export type Answer = readonly Shown[] | number | 'dropped';

/** By how much distances may be off: they are measured in float32, one dimension after the other or not. */
const TOLERANCE = 1e-4;

export function keyOf(namespace: string, id: number): string {
  return `${namespace}:${id}`;
}

/** The records of a collection that have not expired. */
export function livingIn({ collections, clock }: State, collection: number): Item[] {
  const items = [...(collections[collection]?.values() ?? [])];
  return items.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > clock);
}

/** All states, in order, and how far the writers are. */
export class Past {
  readonly #states: State[];
  readonly #hasEnded: boolean[] = [true];
  #ended = 0;

  constructor(first: State) {
    this.#states = [first];
  }

  /** The last state that was asked for. */
  get begun(): number {
    return this.#states.length - 1;
  }

  /** The last state that readers see for sure: what led to it, and to all before it, has ended. */
  get ended(): number {
    return this.#ended;
  }

  /** What will be there when all has ended that was asked for. */
  get last(): State {
    return this.#states[this.begun];
  }

  /** A change was asked for; gives the number of the state that it leads to. */
  begin(next: State): number {
    this.#hasEnded.push(false);
    return this.#states.push(next) - 1;
  }

  /** In any order: what changes nothing need not wait for what comes before it. */
  end(state: number): void {
    this.#hasEnded[state] = true;
    while (this.#hasEnded[this.#ended + 1]) this.#ended++;
  }

  /** The states between two moments, of which `ended` and `begun` were noted. */
  between(first: number, last: number): readonly State[] {
    return this.#states.slice(first, last + 1);
  }
}

/** Whether that is what the collection answers in that state. */
export function isAnswer(
  state: State,
  collection: number,
  { question, answer }: { readonly question: Question; readonly answer: Answer },
): boolean {
  const right = rightAnswer(state, collection, question);
  if (typeof right !== 'object' || typeof answer !== 'object') return answer === right;
  return question.ask === 'search' ? isNearest(answer, right) : isSame(answer, right);
}

/** What the collection answers in that state. */
export function rightAnswer(state: State, collection: number, question: Question): Answer {
  if (state.collections[collection] === undefined) return 'dropped';
  const living = livingIn(state, collection);
  if (question.ask === 'get') {
    const key = keyOf(question.namespace, question.id);
    return living.filter((item) => keyOf(item.namespace, item.id) === key).map(shown);
  }
  const selected = living.filter((item) => isSelected(item, question.selection));
  if (question.ask === 'count') return selected.length;
  if (question.ask === 'scan') return selected.map(shown);
  return nearestOf(selected, question).map(({ item, distance }) => ({ ...shown(item), distance }));
}

function shown({ namespace, id, n }: Item): Shown {
  return { key: keyOf(namespace, id), n };
}

function isSelected({ namespace, n }: Item, selection: Selection): boolean {
  if (selection.namespace !== undefined && selection.namespace !== namespace) return false;
  return selection.below === undefined || n < selection.below;
}

/** The same records, in any order. */
function isSame(answer: readonly Shown[], right: readonly Shown[]): boolean {
  if (answer.length !== right.length) return false;
  const byKey = new Map(right.map(({ key, n }) => [key, n]));
  return byKey.size === answer.length && answer.every(({ key, n }) => byKey.get(key) === n);
}

interface Near {
  readonly item: Item;
  readonly distance: number;
}

/** All that have what is asked for, nearest first; of two vectors the mean counts. */
function nearestOf(items: readonly Item[], question: Question & { ask: 'search' }): Near[] {
  const { vector, twin, k } = question;
  const measured: Near[] = [];
  for (const item of items) {
    if (vector !== undefined && item.vector === undefined) continue;
    if (twin !== undefined && item.twin === undefined) continue;
    const parts = [between(vector, item.vector), between(twin, item.twin)];
    const asked = parts.filter((part) => part !== undefined);
    const distance = asked.reduce((sum, part) => sum + part, 0) / asked.length;
    measured.push({ item, distance });
  }
  return measured.sort((a, b) => a.distance - b.distance).slice(0, k);
}

function between(a: Float32Array | undefined, b: Float32Array | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i] - b[i]) ** 2;
  return Math.sqrt(squares);
}

/** As many hits, as near; each is the record that it should be, but at the end, where others may be as near. */
function isNearest(answer: readonly Shown[], right: readonly Shown[]): boolean {
  if (answer.length !== right.length) return false;
  const byKey = new Map(right.map(({ key, n }) => [key, n]));
  const farthest = right[right.length - 1]?.distance ?? 0;
  return answer.every(({ key, n, distance = Number.NaN }, i) => {
    if (!(Math.abs(distance - (right[i].distance ?? Number.NaN)) < TOLERANCE)) return false;
    return byKey.has(key) ? byKey.get(key) === n : farthest - distance < TOLERANCE;
  });
}
