/** A search as a user asks for it, checked and completed with its defaults. */
import { nearestName } from '../base/nearest.ts';
import { type CheckedFilter, checkFilter, type WithFilter } from './checked-filter.ts';
import { checkDefaultVector, checkNamedVectors, spaceOptions } from './named-vectors.ts';
import type { EffectiveCollectionOptions } from './options.ts';
import type { IncludePart, RecordId, SearchOptions } from './record.ts';
import { encodeId } from './record-id.ts';
import {
  checkBoolean,
  checkInclude,
  checkInteger,
  checkKeys,
  checkName,
  checkNamespace,
  checkNumber,
  checkVector,
  describe,
  invalid,
  refuseUnsupported,
} from './validate.ts';

const SEARCH_KEYS = [
  'vector',
  'id',
  'text',
  'vectorName',
  'vectors',
  'weights',
  'k',
  'ef',
  'recall',
  'filter',
  'namespace',
  'exact',
  'maxDistance',
  'minScore',
  'include',
  'groupBy',
  'after',
  'signal',
] as const;

const UNSUPPORTED = ['text'] as const;

/** Hits of one search, and of all its pages, at most. */
export const K_MAX = 65_536;
const EF_DEFAULT = 64;
/** More cannot be told from a sample. */
const RECALL_MAX = 0.999;
const WEIGHT_MAX = 1e6;

/** What most searches include: a set for each of them is garbage. */
const NOTHING: ReadonlySet<IncludePart> = new Set();

/** A query in one vector space. */
export interface SearchTarget {
  /** Name of the space; undefined: the default one. */
  readonly vectorName: string | undefined;
  /** Undefined: that of the record with the id of the search. */
  readonly vector: Float32Array | undefined;
  /** Share in the distance of all; they sum to 1. */
  readonly weight: number;
}

export interface CheckedGroups {
  /** Path of a field of the metadata. */
  readonly field: string;
  /** Hits of one group at most. */
  readonly size: number;
}

export interface CheckedSearch {
  /** At least one; each in another space. */
  readonly targets: readonly SearchTarget[];
  /** Encoded; then the only target has no vector. */
  readonly id: Uint8Array | undefined;
  readonly givenId: RecordId | undefined;
  readonly k: number;
  readonly ef: number;
  /** As of a `Beam`. */
  readonly stop: number;
  /** Takes the place of `ef` and `stop`. */
  readonly recall: number | undefined;
  readonly exact: boolean;
  readonly filter: CheckedFilter | undefined;
  readonly namespace: string | undefined;
  readonly maxDistance: number;
  readonly minScore: number;
  readonly groupBy: CheckedGroups | undefined;
  /** A cursor, as it was given. */
  readonly after: string | undefined;
  readonly include: ReadonlySet<IncludePart>;
  readonly signal: AbortSignal | undefined;
}

/** `vectorOf`: how a query vector is taken; one that is borrowed is used in this turn of the event loop alone. */
export function checkSearch(
  options: WithFilter<SearchOptions>,
  collection: EffectiveCollectionOptions,
  vectorOf: typeof checkVector = checkVector,
): CheckedSearch {
  checkKeys(options, SEARCH_KEYS, 'search');
  refuseUnsupported(options, UNSUPPORTED, 'search');
  const { id, k = 10, exact = false, namespace, include, signal, groupBy, after } = options;
  const checkedK = checkInteger(k, 'k', { from: 1, to: K_MAX });
  const ef =
    options.ef === undefined
      ? Math.max(EF_DEFAULT, checkedK)
      : checkInteger(options.ef, 'ef', { from: 1, to: K_MAX });
  const recall = checkRecallTarget(options.recall);
  if (groupBy !== undefined && after !== undefined) {
    throw invalid('search: groups have no pages; expected one of groupBy and after');
  }
  return {
    targets: checkTargets(options, collection, vectorOf),
    id: id === undefined ? undefined : encodeId(id),
    givenId: id,
    k: checkedK,
    ef: Math.max(ef, checkedK),
    stop: 0,
    recall: options.ef === undefined ? recall : undefined,
    exact: checkBoolean(exact, 'exact'),
    filter: checkFilter(options.filter),
    namespace: namespace === undefined ? undefined : checkNamespace(namespace, 'namespace'),
    maxDistance: checkNumber(options.maxDistance ?? Number.POSITIVE_INFINITY, 'maxDistance'),
    minScore: checkNumber(options.minScore ?? Number.NEGATIVE_INFINITY, 'minScore'),
    groupBy: checkGroups(groupBy),
    after: after === undefined ? undefined : checkCursorText(after),
    include: include === undefined ? NOTHING : new Set(checkInclude(include)),
    signal: checkSignal(signal),
  };
}

/** With query vectors that their owner may change from now on. */
export function ownQueries(search: CheckedSearch): CheckedSearch {
  const targets = search.targets.map((target) => ({ ...target, vector: target.vector?.slice() }));
  return { ...search, targets };
}

function checkRecallTarget(recall: number | undefined): number | undefined {
  if (recall === undefined) return undefined;
  const checked = checkNumber(recall, 'recall');
  if (checked > 0 && checked <= RECALL_MAX) return checked;
  throw invalid(
    `recall: expected a number above 0 and up to ${RECALL_MAX}, got ${checked}; exact: true finds all`,
  );
}

/** What is searched by: one vector, a stored record's, or several vectors of as many spaces. */
function checkTargets(
  options: WithFilter<SearchOptions>,
  collection: EffectiveCollectionOptions,
  vectorOf: typeof checkVector,
): SearchTarget[] {
  const { vector, id, vectorName, vectors, weights } = options;
  if (vectors !== undefined) {
    if (id !== undefined || vectorName !== undefined) {
      throw invalid('search: vectors name their spaces; expected neither id nor vectorName beside');
    }
    return checkSeveral({ vector, vectors, weights }, collection);
  }
  if (weights !== undefined) throw invalid('weights: expected with vectors, got neither');
  if ((vector === undefined) === (id === undefined)) {
    throw invalid('search: expected exactly one of vector, id and vectors');
  }
  const space = spaceOptions(
    collection,
    vectorName,
    vectorName === undefined ? 'search' : 'vectorName',
  );
  const checked = vector === undefined ? undefined : vectorOf(vector, 'vector', space);
  return [{ vectorName, vector: checked, weight: 1 }];
}

function checkSeveral(
  { vector, vectors, weights = {} }: Pick<SearchOptions, 'vector' | 'vectors' | 'weights'>,
  collection: EffectiveCollectionOptions,
): SearchTarget[] {
  const named = checkNamedVectors(vectors, 'vectors', collection);
  const main = checkDefaultVector(vector, 'vector', collection);
  const queries = [...(main === undefined ? [] : [['', main] as const]), ...named];
  if (queries.length === 0) throw invalid('vectors: expected at least one, got none');
  const names = queries.map(([name]) => name);
  checkWeightNames(weights, names);
  const given = names.map((name) =>
    checkWeight(weights[name] ?? 1, name === '' ? `weights[${shownSpace('')}]` : `weights.${name}`),
  );
  const sum = given.reduce((total, weight) => total + weight, 0);
  return queries.map(([name, query], i) => ({
    vectorName: name === '' ? undefined : name,
    vector: query,
    weight: given[i] / sum,
  }));
}

function checkWeightNames(weights: unknown, names: readonly string[]): asserts weights is object {
  if (typeof weights !== 'object' || weights === null || Array.isArray(weights)) {
    throw invalid(`weights: expected an object of numbers by space, got ${describe(weights)}`);
  }
  const stray = Object.keys(weights).find((name) => !names.includes(name));
  if (stray === undefined) return;
  const nearest = nearestName(stray, names);
  const queried = names.map(shownSpace).join(', ');
  const hint =
    nearest === undefined || nearest === '' ? `known are ${queried}` : `did you mean '${nearest}'?`;
  throw invalid(`weights: no query in space ${shownSpace(stray)}; ${hint}`);
}

/** The default space has an empty name, which would not be seen. */
function shownSpace(name: string): string {
  return name === '' ? "'' (the default space)" : `'${name}'`;
}

function checkWeight(value: unknown, name: string): number {
  const weight = checkNumber(value, name);
  if (weight > 0 && weight <= WEIGHT_MAX) return weight;
  throw invalid(`${name}: expected a number above 0, at most ${WEIGHT_MAX}, got ${weight}`);
}

function checkGroups(groupBy: SearchOptions['groupBy']): CheckedGroups | undefined {
  if (groupBy === undefined) return undefined;
  checkKeys(groupBy, ['field', 'size'], 'groupBy');
  const { field, size = 1 } = groupBy;
  const checked = checkInteger(size, 'groupBy.size', { from: 1, to: 1000 });
  return { field: checkName(field, 'groupBy.field'), size: checked };
}

function checkCursorText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid(`after: expected the cursor of a page, got ${describe(value)}`);
}

export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw invalid('signal: expected an AbortSignal');
}
