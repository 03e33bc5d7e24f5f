/**
 * What must hold after a kill. The stored state is that of a prefix of the history: every acknowledged
 * operation is in it, those that were in flight are in it whole or not at all, in the order of their
 * calls. Every record of that state is read back whole, is found by an exact search always and by a walk
 * in at least 99 of 100 cases; nothing else is found; `check()` finds no problem.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Collection, Database } from '../../src/index.ts';
import { applyTo, type KillOperation, type KillRecord, type State } from './history.ts';

export const walkRecallMin = 0.99;

export interface Verdict {
  /** Empty when all is well. */
  readonly problems: readonly string[];
  readonly state: Map<string | number, KillRecord>;
  /** How many of the operations in flight are in the state. */
  readonly survived: number;
  readonly walkRecall: number;
}

/** `certain` is the state after the last acknowledged operation; `inFlight` follow it, in call order. */
export async function judge(
  database: Database,
  collection: Collection,
  certain: State,
  inFlight: readonly KillOperation[],
): Promise<Verdict> {
  const stored = await readAll(collection);
  const { state, survived } = closestPrefix(stored, certain, inFlight);
  const problems = differences(stored, state);
  for (const id of idsOf(certain, inFlight)) {
    const record = await collection.get(id);
    const expected = state.get(id);
    if (!isSame(record, expected))
      problems.push(`get(${String(id)}) differs from what was written`);
  }
  const count = await collection.count();
  if (count !== state.size) problems.push(`count() is ${count}, ${state.size} records are stored`);
  const walkRecall = await searchAll(collection, state, problems);
  const check = await database.check();
  for (const { code, where, detail } of check.problems) {
    problems.push(`check(): ${code} at ${where}: ${detail}`);
  }
  if (!check.ok && check.problems.length === 0)
    problems.push('check() is not ok and names no problem');
  return { problems, state, survived, walkRecall };
}

async function readAll(collection: Collection): Promise<Map<string | number, KillRecord>> {
  const stored = new Map<string | number, KillRecord>();
  for await (const record of collection.scan()) {
    const { id, vector, metadata } = record;
    stored.set(id as string | number, { id, vector, metadata } as KillRecord);
  }
  return stored;
}

/** The prefix that explains the most; when none explains all, its differences are reported. */
function closestPrefix(
  stored: State,
  certain: State,
  inFlight: readonly KillOperation[],
): { state: Map<string | number, KillRecord>; survived: number } {
  let state = new Map(certain);
  let best = { state, survived: 0 };
  let fewest = differences(stored, state).length;
  for (const [i, operation] of inFlight.entries()) {
    if (fewest === 0) break;
    state = new Map(state);
    applyTo(state, operation);
    const count = differences(stored, state).length;
    if (count < fewest) {
      fewest = count;
      best = { state, survived: i + 1 };
    }
  }
  return best;
}

function differences(stored: State, expected: State): string[] {
  const problems: string[] = [];
  for (const [id, record] of expected) {
    const found = stored.get(id);
    if (found === undefined) problems.push(`record ${String(id)} is lost`);
    else if (!isSame(found, record)) problems.push(`record ${String(id)} is not what was written`);
  }
  for (const id of stored.keys()) {
    if (!expected.has(id)) problems.push(`record ${String(id)} came back`);
  }
  return problems;
}

function isSame(
  found: Pick<KillRecord, 'vector' | 'metadata'> | object | undefined,
  expected: KillRecord | undefined,
): boolean {
  if (found === undefined || expected === undefined) return found === expected;
  const { vector, metadata } = found as KillRecord;
  return (
    isDeepStrictEqual(vector, expected.vector) && isDeepStrictEqual(metadata, expected.metadata)
  );
}

function idsOf(certain: State, inFlight: readonly KillOperation[]): Set<string | number> {
  const ids = new Set(certain.keys());
  for (const operation of inFlight) {
    if (operation.do === 'upsert') for (const { id } of operation.records) ids.add(id);
    else if (operation.do === 'delete') for (const id of operation.ids) ids.add(id);
  }
  return ids;
}

/** Searches for every record by its own vector; returns the share that a walk puts first. */
async function searchAll(
  collection: Collection,
  state: State,
  problems: string[],
): Promise<number> {
  let found = 0;
  for (const { id, vector } of state.values()) {
    const exact = await collection.search({ vector, k: 1, exact: true });
    if (exact[0]?.id !== id) problems.push(`exact search does not find record ${String(id)}`);
    const walked = await collection.search({ vector });
    if (walked[0]?.id === id) found++;
    for (const hit of walked) {
      if (!state.has(hit.id as string | number)) {
        problems.push(`a search finds record ${String(hit.id)}, which is not stored`);
      }
    }
  }
  const recall = state.size === 0 ? 1 : found / state.size;
  if (recall < walkRecallMin) {
    problems.push(`searches find ${found} of ${state.size} records by their own vectors`);
  }
  return recall;
}
