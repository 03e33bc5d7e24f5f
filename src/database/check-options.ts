/** Options of a database and of a collection: checked, and completed with their defaults. */
import { MIB } from '../base/units.ts';
import { AUTO_FROM } from './auto-codes.ts';
import { checkFields } from './field-options.ts';
import { NAMED_SPACES_MAX } from './head.ts';
import { type Logger, warnBoth } from './logger.ts';
import { MEMORY_BYTES_MIN } from './memory-plan.ts';
import type {
  CollectionOptions,
  DatabaseOptions,
  Durability,
  EffectiveCollectionOptions,
  EffectiveSpaceOptions,
  VectorSpaceOptions,
} from './options.ts';
import {
  checkBoolean,
  checkInteger,
  checkKeys,
  checkName,
  checkOneOf,
  describe,
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
  'logger',
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

const SPACE_KEYS = [
  'dimension',
  'metric',
  'm',
  'efConstruction',
  'codes',
  'originals',
  'layout',
  'placement',
  'seed',
] as const;

type CodesOption = NonNullable<VectorSpaceOptions['codes']>;

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
  readonly logger: Logger | undefined;
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
  const logger = checkLogger(options.logger);
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
    logger,
    onWarning: warnBoth(logger, onWarning),
    now,
  };
}

/** Checks what is given; completes nothing. */
export function checkCollectionOptions(options: CollectionOptions): void {
  checkKeys(options, COLLECTION_KEYS, 'collection');
  refuseUnsupported(options, ['text'], 'collection');
  checkSpaceOptions(options, '');
  if (options.vectors !== undefined) checkNamedSpaces(options.vectors);
  if (options.fields !== undefined) checkFields(options.fields);
  if (options.exactBelow !== undefined) {
    checkInteger(options.exactBelow, 'exactBelow', { from: 0, to: 2 ** 32 });
  }
}

/** Checks what is given of the options of one vector space. */
function checkSpaceOptions(options: VectorSpaceOptions, prefix: string): void {
  const { dimension, metric, m, efConstruction, codes, originals, layout, placement } = options;
  if (dimension !== undefined)
    checkInteger(dimension, `${prefix}dimension`, { from: 1, to: 16_384 });
  if (metric !== undefined) checkOneOf(metric, `${prefix}metric`, ['l2', 'cosine', 'dot']);
  if (m !== undefined) checkInteger(m, `${prefix}m`, { from: 2, to: 64 });
  if (efConstruction !== undefined) {
    checkInteger(efConstruction, `${prefix}efConstruction`, { from: 1, to: 4096 });
  }
  if (codes !== undefined) checkOneOf(codes, `${prefix}codes`, ['auto', 'sq8', 'bit', 'none']);
  if (originals !== undefined) checkBoolean(originals, `${prefix}originals`);
  if (layout !== undefined) checkOneOf(layout, `${prefix}layout`, ['vertex', 'delta', 'hybrid']);
  if (placement !== undefined) {
    checkOneOf(placement, `${prefix}placement`, ['affinity', 'section', 'append', 'random']);
  }
  if (options.seed !== undefined) {
    checkInteger(options.seed, `${prefix}seed`, { from: 0, to: Number.MAX_SAFE_INTEGER });
  }
}

function checkNamedSpaces(vectors: Readonly<Record<string, VectorSpaceOptions>>): void {
  checkKeys(vectors, Object.keys(vectors ?? {}), 'vectors');
  const names = Object.keys(vectors);
  if (names.length > NAMED_SPACES_MAX) {
    throw invalid(`vectors: expected at most ${NAMED_SPACES_MAX} spaces, got ${names.length}`);
  }
  for (const name of names) {
    checkName(name, 'vectors: the name of a vector space');
    checkKeys(vectors[name], SPACE_KEYS, `vectors.${name}`);
    checkSpaceOptions(vectors[name], `vectors.${name}.`);
  }
}

/** Options of a new collection, complete. They have been checked. */
export function completeCollectionOptions(options: CollectionOptions): EffectiveCollectionOptions {
  const {
    dimension = 0,
    vectors = {},
    codes = 'auto',
    metric = 'cosine',
    m = 16,
    efConstruction = 100,
    originals = true,
    layout = 'hybrid',
    placement = 'affinity',
    seed = 1,
    exactBelow = 2000,
  } = options;
  checkKeepsVectors({ codes, originals }, '');
  const fixed = { dimension, metric, m, efConstruction, codes: chooseCodes(codes, dimension) };
  const space = { ...fixed, originals, layout, placement, seed };
  return { ...space, exactBelow, vectors: completeNamedSpaces(space, vectors, codes) };
}

/** What is stored: 'auto' only where it says more than 'sq8'. */
function chooseCodes(codes: CodesOption, dimension: number): EffectiveSpaceOptions['codes'] {
  return codes === 'auto' && dimension < AUTO_FROM ? 'sq8' : codes;
}

/** Without codes and originals there would be no vectors. */
function checkKeepsVectors(
  { codes, originals }: { readonly codes: CodesOption; readonly originals: boolean },
  prefix: string,
): void {
  if (codes !== 'none' || originals) return;
  throw invalid(
    `${prefix}originals: false keeps the codes only, and codes: 'none' has none; leave one of them out`,
  );
}

function completeNamedSpaces(
  space: EffectiveSpaceOptions,
  vectors: Readonly<Record<string, VectorSpaceOptions>>,
  codesOfAll: CodesOption,
): Record<string, EffectiveSpaceOptions> {
  const complete = Object.entries(vectors).map(([name, given]) => {
    const { dimension, ...others } = given;
    if (dimension === undefined) throw invalid(`vectors.${name}.dimension: needed to create it`);
    const chosen = Object.entries(others).filter(([, value]) => value !== undefined);
    const codes = chooseCodes(given.codes ?? codesOfAll, dimension);
    checkKeepsVectors({ codes, originals: given.originals ?? space.originals }, `vectors.${name}.`);
    return [name, { ...space, ...Object.fromEntries(chosen), codes, dimension }] as const;
  });
  return Object.fromEntries(complete);
}

/** Refuses options that differ from what the collection was created with, and applies what may change. */
export function reopenCollectionOptions(
  stored: EffectiveCollectionOptions,
  options: CollectionOptions,
): EffectiveCollectionOptions {
  refuseOtherSpace(stored, options, '');
  for (const [name, given] of Object.entries(options.vectors ?? {})) {
    const space = Object.hasOwn(stored.vectors, name) ? stored.vectors[name] : undefined;
    if (space === undefined) {
      const names = Object.keys(stored.vectors).join(', ') || 'none';
      throw invalid(`vectors.${name}: the collection was created without it; its spaces: ${names}`);
    }
    refuseOtherSpace(space, given, `vectors.${name}.`);
  }
  return { ...stored, exactBelow: options.exactBelow ?? stored.exactBelow };
}

function refuseOtherSpace(
  stored: EffectiveSpaceOptions,
  options: VectorSpaceOptions,
  prefix: string,
): void {
  const given: Record<string, unknown> = { ...options };
  if (given.codes === 'auto') delete given.codes;
  for (const name of SPACE_KEYS) {
    const value = stored[name];
    if (given[name] === undefined || given[name] === value) continue;
    const created = name === 'dimension' && value === 0 ? 'none' : String(value);
    throw invalid(
      `${prefix}${name}: the collection was created with ${created}, got ${String(given[name])}; ` +
        'leave it out, or use another collection',
    );
  }
}

function checkLogger(logger: unknown): Logger | undefined {
  if (logger === undefined) return undefined;
  if (typeof logger !== 'object' || logger === null) {
    throw invalid(`logger: expected an object, got ${describe(logger)}`);
  }
  for (const name of ['debug', 'info', 'warn'] as const) {
    const method = (logger as Record<string, unknown>)[name];
    if (method === undefined || typeof method === 'function') continue;
    throw invalid(`logger.${name}: expected a function, got ${describe(method)}`);
  }
  return logger as Logger;
}
