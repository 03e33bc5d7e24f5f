/** Options of a database and of a collection: checked, and completed with their defaults. */
import { MIB } from '../base/units.ts';
import { checkFields } from './field-options.ts';
import type {
  CollectionOptions,
  DatabaseOptions,
  Durability,
  EffectiveCollectionOptions,
} from './options.ts';
import {
  checkBoolean,
  checkInteger,
  checkKeys,
  checkOneOf,
  invalid,
  refuseUnsupported,
} from './validate.ts';

const DATABASE_KEYS = [
  'memoryBytes',
  'durability',
  'threads',
  'readOnly',
  'lockTimeoutMs',
  'createIfMissing',
  'errorIfExists',
  'compression',
  'backgroundThread',
  'fileSystem',
  'onWarning',
  'now',
] as const;

const COLLECTION_KEYS = [
  'dimension',
  'metric',
  'vectors',
  'm',
  'efConstruction',
  'codes',
  'originals',
  'layout',
  'placement',
  'exactBelow',
  'seed',
  'fields',
  'text',
] as const;

/** The least memory that a database works with, in bytes. */
export const MEMORY_BYTES_MIN: number = 8 * MIB;

/** Worker threads at the most. */
export const THREADS_MAX = 64;

export interface EffectiveDatabaseOptions {
  readonly memoryBytes: number;
  readonly durability: Durability;
  readonly threads: number;
  readonly readOnly: boolean;
  readonly lockTimeoutMs: number;
  readonly createIfMissing: boolean;
  readonly errorIfExists: boolean;
  readonly compression: 'lz4' | 'none';
  readonly backgroundThread: boolean;
  readonly onWarning: (warning: Error) => void;
  readonly now: () => number;
}

export function checkDatabaseOptions(options: DatabaseOptions): EffectiveDatabaseOptions {
  checkKeys(options, DATABASE_KEYS, 'open');
  const {
    memoryBytes = 256 * MIB,
    durability = 'sync',
    threads = 0,
    readOnly = false,
    lockTimeoutMs = 0,
    createIfMissing = true,
    errorIfExists = false,
    compression = 'lz4',
    backgroundThread = false,
    onWarning = () => {},
    now = Date.now,
  } = options;
  if (typeof onWarning !== 'function') throw invalid('onWarning: expected a function');
  if (typeof now !== 'function') throw invalid('now: expected a function');
  const memory = checkInteger(memoryBytes, 'memoryBytes', { from: 0, to: Number.MAX_SAFE_INTEGER });
  if (memory < MEMORY_BYTES_MIN) {
    throw invalid(`memoryBytes: ${memory} is too small to work; ${MEMORY_BYTES_MIN} would do`);
  }
  return {
    memoryBytes: memory,
    durability: checkOneOf(durability, 'durability', ['sync', 'os', 'none']),
    threads: checkInteger(threads, 'threads', { from: 0, to: THREADS_MAX }),
    readOnly: checkBoolean(readOnly, 'readOnly'),
    lockTimeoutMs: checkInteger(lockTimeoutMs, 'lockTimeoutMs', { from: 0, to: 2 ** 31 - 1 }),
    createIfMissing: checkBoolean(createIfMissing, 'createIfMissing'),
    errorIfExists: checkBoolean(errorIfExists, 'errorIfExists'),
    compression: checkOneOf(compression, 'compression', ['lz4', 'none']),
    backgroundThread: checkBoolean(backgroundThread, 'backgroundThread'),
    onWarning,
    now,
  };
}

/** Checks what is given; completes nothing. */
export function checkCollectionOptions(options: CollectionOptions): void {
  checkKeys(options, COLLECTION_KEYS, 'collection');
  refuseUnsupported(options, ['vectors', 'text'], 'collection');
  const { dimension, metric, m, efConstruction, codes, originals, layout, placement } = options;
  if (dimension !== undefined) checkInteger(dimension, 'dimension', { from: 1, to: 16_384 });
  if (metric !== undefined) checkOneOf(metric, 'metric', ['l2', 'cosine', 'dot']);
  if (m !== undefined) checkInteger(m, 'm', { from: 2, to: 64 });
  if (efConstruction !== undefined) {
    checkInteger(efConstruction, 'efConstruction', { from: 1, to: 4096 });
  }
  if (codes !== undefined) checkOneOf(codes, 'codes', ['auto', 'sq8', 'bit', 'none']);
  if (codes === 'bit' || codes === 'none') throw invalid(`codes: '${codes}' is not supported yet`);
  if (originals !== undefined) checkBoolean(originals, 'originals');
  if (layout !== undefined) checkOneOf(layout, 'layout', ['vertex', 'delta', 'hybrid']);
  if (placement !== undefined) {
    checkOneOf(placement, 'placement', ['affinity', 'section', 'append', 'random']);
  }
  if (options.fields !== undefined) checkFields(options.fields);
  if (options.seed !== undefined) {
    checkInteger(options.seed, 'seed', { from: 0, to: Number.MAX_SAFE_INTEGER });
  }
  if (options.exactBelow !== undefined) {
    checkInteger(options.exactBelow, 'exactBelow', { from: 0, to: 2 ** 32 });
  }
}

/** Options of a new collection, complete. They have been checked. */
export function completeCollectionOptions(options: CollectionOptions): EffectiveCollectionOptions {
  const {
    dimension,
    metric = 'cosine',
    m = 16,
    efConstruction = 100,
    originals = true,
    layout = 'hybrid',
    placement = 'affinity',
    seed = 1,
    exactBelow = 2000,
  } = options;
  if (dimension === undefined) throw invalid('dimension: needed to create a collection');
  const fixed = { dimension, metric, m, efConstruction, codes: 'sq8', originals } as const;
  return { ...fixed, layout, placement, seed, exactBelow };
}

/** Refuses options that differ from what the collection was created with, and applies what may change. */
export function reopenCollectionOptions(
  stored: EffectiveCollectionOptions,
  options: CollectionOptions,
): EffectiveCollectionOptions {
  const given: Record<string, unknown> = { ...options };
  if (given.codes === 'auto') delete given.codes;
  for (const [name, value] of Object.entries(stored)) {
    if (name === 'exactBelow' || given[name] === undefined || given[name] === value) continue;
    throw invalid(
      `${name}: the collection was created with ${String(value)}, got ${String(given[name])}; ` +
        'leave it out, or use another collection',
    );
  }
  return { ...stored, exactBelow: options.exactBelow ?? stored.exactBelow };
}
