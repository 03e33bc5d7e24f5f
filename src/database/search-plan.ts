/** A search as a user asks for it, checked and completed with its defaults. */
import type { EffectiveCollectionOptions } from './options.ts';
import type { IncludePart, RecordId, SearchOptions } from './record.ts';
import { encodeId } from './record-id.ts';
import {
  checkBoolean,
  checkInclude,
  checkInteger,
  checkKeys,
  checkNamespace,
  checkNumber,
  checkVector,
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

const UNSUPPORTED = [
  'text',
  'vectorName',
  'vectors',
  'weights',
  'recall',
  'filter',
  'groupBy',
  'after',
] as const;

const K_MAX = 65_536;
const EF_DEFAULT = 64;

export interface CheckedSearch {
  readonly vector: Float32Array | undefined;
  /** Encoded; exactly one of `vector` and `id` is there. */
  readonly id: Uint8Array | undefined;
  readonly givenId: RecordId | undefined;
  readonly k: number;
  readonly ef: number;
  readonly exact: boolean;
  readonly namespace: string | undefined;
  readonly maxDistance: number;
  readonly minScore: number;
  readonly include: ReadonlySet<IncludePart>;
  readonly signal: AbortSignal | undefined;
}

export function checkSearch(
  options: SearchOptions,
  collection: EffectiveCollectionOptions,
): CheckedSearch {
  checkKeys(options, SEARCH_KEYS, 'search');
  refuseUnsupported(options, UNSUPPORTED, 'search');
  const { vector, id, k = 10, exact = false, namespace, include = [], signal } = options;
  if ((vector === undefined) === (id === undefined)) {
    throw invalid('search: expected exactly one of vector and id');
  }
  const checkedK = checkInteger(k, 'k', { from: 1, to: K_MAX });
  const ef =
    options.ef === undefined
      ? Math.max(EF_DEFAULT, checkedK)
      : checkInteger(options.ef, 'ef', { from: 1, to: K_MAX });
  return {
    vector: vector === undefined ? undefined : checkVector(vector, 'vector', collection),
    id: id === undefined ? undefined : encodeId(id),
    givenId: id,
    k: checkedK,
    ef: Math.max(ef, checkedK),
    exact: checkBoolean(exact, 'exact'),
    namespace: namespace === undefined ? undefined : checkNamespace(namespace, 'namespace'),
    maxDistance: checkNumber(options.maxDistance ?? Number.POSITIVE_INFINITY, 'maxDistance'),
    minScore: checkNumber(options.minScore ?? Number.NEGATIVE_INFINITY, 'minScore'),
    include: new Set(checkInclude(include)),
    signal: checkSignal(signal),
  };
}

export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw invalid('signal: expected an AbortSignal');
}
