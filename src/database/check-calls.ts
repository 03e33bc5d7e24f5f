/** Arguments of the smaller calls on a collection, checked. */

import { type CheckedFilter, checkFilter, type WithFilter } from './checked-filter.ts';
import { checkDefaultVector, checkVectorChanges } from './named-vectors.ts';
import type { EffectiveCollectionOptions } from './options.ts';
import type {
  CountOptions,
  GetOptions,
  IncludePart,
  Json,
  RecordId,
  ScanOptions,
  UpdateInput,
} from './record.ts';
import { encodeId } from './record-id.ts';
import { checkSignal } from './search-plan.ts';
import {
  checkInclude,
  checkInteger,
  checkKeys,
  checkMetadata,
  checkNamespace,
  checkText,
  checkTtl,
  describe,
  invalid,
  parseChecked,
  refuseUnsupported,
} from './validate.ts';

const ALL_PARTS: readonly IncludePart[] = ['vector', 'metadata', 'text'];

export interface CheckedGet {
  readonly namespace: string;
  readonly include: ReadonlySet<IncludePart>;
}

export function checkGet(options: GetOptions): CheckedGet {
  checkKeys(options, ['namespace', 'include'], 'get');
  const { namespace = '', include = ALL_PARTS } = options;
  return {
    namespace: checkNamespace(namespace, 'namespace'),
    include: new Set(checkInclude(include)),
  };
}

/** For calls that name records and take nothing but their namespace. */
export function checkNamespaceOnly(options: { readonly namespace?: string | undefined }): string {
  checkKeys(options, ['namespace'], 'options');
  return checkNamespace(options.namespace ?? '', 'namespace');
}

/** Which records of a collection. */
export interface CheckedSelection {
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Undefined: whatever their metadata is. */
  readonly filter: CheckedFilter | undefined;
}

export function checkCount(options: WithFilter<CountOptions>): CheckedSelection {
  checkKeys(options, ['filter', 'namespace'], 'count');
  const { namespace, filter } = options;
  return {
    namespace: namespace === undefined ? undefined : checkNamespace(namespace, 'namespace'),
    filter: checkFilter(filter),
  };
}

/** Records by id, in one namespace. */
export interface CheckedIds {
  readonly namespace: string;
  /** Encoded. */
  readonly ids: readonly Uint8Array[];
}

/** The target of a deletion, and the options that stand beside ids. */
export function checkDelete(
  target: RecordId | readonly RecordId[] | object,
  options: { readonly namespace?: string | undefined },
): CheckedIds | CheckedSelection {
  if (typeof target === 'object' && !Array.isArray(target)) return checkSelected(target, options);
  const namespace = checkNamespaceOnly(options);
  return { namespace, ids: checkIds(target as RecordId | readonly RecordId[]) };
}

function checkSelected(target: object, options: object): CheckedSelection {
  checkKeys(target, ['filter', 'namespace'], 'delete');
  const given = target as WithFilter<CountOptions>;
  // A filter that is undefined by mistake must not delete everything.
  if ('filter' in target && given.filter === undefined) {
    throw invalid('filter: expected a filter, got undefined; leave it out to delete a namespace');
  }
  if (given.filter === undefined && given.namespace === undefined) {
    throw invalid('delete: expected ids, { filter } or { namespace }, got none of them');
  }
  if (Object.keys(options).length > 0) {
    throw invalid('delete: options stand beside ids; write { filter, namespace } as one object');
  }
  return checkCount(given);
}

export interface CheckedScan extends CheckedSelection {
  /** Encoded. */
  readonly after: Uint8Array | undefined;
  readonly limit: number;
  readonly include: ReadonlySet<IncludePart>;
  readonly signal: AbortSignal | undefined;
}

export function checkScan(options: WithFilter<ScanOptions>): CheckedScan {
  const known = ['filter', 'namespace', 'after', 'limit', 'include', 'signal'];
  checkKeys(options, known, 'scan');
  const { namespace, after, limit = Number.MAX_SAFE_INTEGER, include = ALL_PARTS } = options;
  return {
    namespace: namespace === undefined ? undefined : checkNamespace(namespace, 'namespace'),
    filter: checkFilter(options.filter),
    after: after === undefined ? undefined : encodeId(after, 'after'),
    limit: checkInteger(limit, 'limit', { from: 0, to: Number.MAX_SAFE_INTEGER }),
    include: new Set(checkInclude(include)),
    signal: checkSignal(options.signal),
  };
}

export interface CheckedUpdate {
  /** null: the record loses it. */
  readonly vector: Float32Array | null | undefined;
  /** By name of the vector space; undefined: the record loses it. */
  readonly named: ReadonlyMap<string, Float32Array | undefined>;
  /** A merge patch. */
  readonly metadata: Json | undefined;
  /** null: the record loses it. */
  readonly text: string | null | undefined;
  /** From now on; null: it expires no more. */
  readonly ttlMs: number | null | undefined;
}

export function checkUpdate(
  changes: UpdateInput,
  options: EffectiveCollectionOptions,
): CheckedUpdate {
  checkKeys(changes, ['vector', 'metadata', 'text', 'vectors', 'sparse', 'ttlSeconds'], 'update');
  refuseUnsupported(changes, ['sparse'], 'update');
  const { vector, metadata, text } = changes;
  return {
    vector: vector === null ? null : checkDefaultVector(vector, 'vector', options),
    named: checkVectorChanges(changes.vectors, 'vectors', options),
    metadata: parseChecked(checkMetadata(metadata, 'metadata')),
    text: text === null ? null : checkText(text, 'text'),
    ttlMs: changes.ttlSeconds === null ? null : checkTtl(changes.ttlSeconds, 'ttlSeconds'),
  };
}

/** One id, or several; repeated ones count once. */
export function checkIds(ids: RecordId | readonly RecordId[]): Uint8Array[] {
  if (Array.isArray(ids)) return ids.map((id, i) => encodeId(id as RecordId, `ids[${i}]`));
  return [encodeId(ids as RecordId)];
}

/** As `checkIds`, of a call that takes an array only. */
export function checkIdList(ids: readonly RecordId[]): Uint8Array[] {
  if (!Array.isArray(ids)) throw invalid(`ids: expected an array, got ${describe(ids)}`);
  return checkIds(ids);
}
