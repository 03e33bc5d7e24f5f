/**
 * Checks of the options of an engine: whoever has no types, or a name with a letter too few, learns at once
 * what was expected. Messages begin with the name of the option.
 */
import { nearestName } from '../base/nearest.ts';
import { DatabaseError } from '../errors.ts';
import type { TreeSpec } from './engine-options.ts';
import { findMergeOperator } from './merge-operators.ts';
import type { SeededOptions } from './seeded-bugs.ts';

const NAME_BYTES_MAX = 255;

/** Every option is named once: the compiler misses none. */
const engineOptions: Readonly<Record<keyof SeededOptions, true>> = {
  trees: true,
  hasher: true,
  durability: true,
  memoryBytes: true,
  memtableBytes: true,
  blockCacheBytes: true,
  openTablesMax: true,
  tableBytes: true,
  blockBytes: true,
  compaction: true,
  backgroundBytesPerSecond: true,
  levelRatio: true,
  baseLevelBytes: true,
  level0Tables: true,
  readOnly: true,
  createIfMissing: true,
  autoCompact: true,
  executor: true,
  sliceMs: true,
  replay: true,
  onBackgroundError: true,
  seededBugs: true,
};

const treeOptions: Readonly<Record<keyof TreeSpec, true>> = {
  id: true,
  name: true,
  mergeOperator: true,
  codec: true,
  filterBitsPerKey: true,
  filterBits: true,
  lastLevelFilter: true,
  layout: true,
  blockBytes: true,
};

/** Names, flags, callbacks and the hasher; numbers and choices are checked where they get their defaults. */
export function checkEngineOptions(options: SeededOptions): void {
  checkNames('options', options, engineOptions);
  const { hasher, readOnly, createIfMissing, autoCompact } = options;
  const { replay, onBackgroundError, sliceMs } = options;
  if (typeof hasher?.hash32 !== 'function') {
    throw invalid('hasher: expected what `await loadHasher()` gives, got something else');
  }
  requireType('boolean', { readOnly, createIfMissing, autoCompact });
  requireType('function', { replay, onBackgroundError, sliceMs });
}

export function checkTrees(trees: readonly TreeSpec[]): void {
  if (!Array.isArray(trees)) throw invalid('trees: expected an array of trees');
  if (trees.length === 0 || trees.length > 254) {
    throw invalid(`trees: expected 1 to 254 trees, got ${trees.length}`);
  }
  const ids = new Set<number>();
  const names = new Set<string>();
  for (const spec of trees) {
    checkTree(spec);
    const { id, name } = spec;
    if (ids.has(id)) throw invalid(`trees: the id ${id} is there twice`);
    if (names.has(name)) throw invalid(`trees: the name ${name} is there twice`);
    ids.add(id);
    names.add(name);
  }
}

function checkTree(spec: TreeSpec): void {
  checkNames('trees', spec, treeOptions);
  const { id, name, mergeOperator, blockBytes = 1, filterBitsPerKey = 0, layout } = spec;
  if (typeof name !== 'string' || name === '') {
    throw invalid(
      `trees: the name of ${id} is ${shown(name)}, expected a string that is not empty`,
    );
  }
  if (!Number.isInteger(id) || id < 0 || id > 255) {
    throw invalid(`trees: the id of ${name} is ${id}, expected 0 to 255`);
  }
  if (new TextEncoder().encode(name).length > NAME_BYTES_MAX) {
    throw invalid(`trees: the name of ${id} is longer than ${NAME_BYTES_MAX} bytes`);
  }
  if (mergeOperator !== undefined && findMergeOperator(mergeOperator) === undefined) {
    throw invalid(`trees: ${name} names an unknown merge operator, ${String(mergeOperator)}`);
  }
  requireChoice(`trees: codec of ${name}`, spec.codec ?? 'none', ['none', 'lz4']);
  requireNumber(`trees: blockBytes of ${name}`, blockBytes, 1);
  requireNumber(`trees: filterBitsPerKey of ${name}`, filterBitsPerKey, 0);
  const { filterBits = 'uniform', lastLevelFilter = true } = spec;
  requireChoice(`trees: filterBits of ${name}`, filterBits, ['uniform', 'monkey']);
  requireType('boolean', { [`trees: lastLevelFilter of ${name}`]: lastLevelFilter });
  requireType('string', { [`trees: layout of ${name}`]: layout });
}

/** A finite number of at least `least`. */
export function requireNumber(name: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return;
  throw invalid(`${name}: expected a number from ${least} on, got ${shown(value)}`);
}

export function requireChoice(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  const all = choices.map((choice) => `'${choice}'`);
  const listed = `${all.slice(0, -1).join(', ')} or ${all[all.length - 1]}`;
  throw invalid(`${name}: expected ${listed}, got ${shown(value)}`);
}

export function invalid(message: string): DatabaseError {
  return new DatabaseError('INVALID_ARGUMENT', message);
}

/** All that are given are of a type. */
function requireType(
  type: 'boolean' | 'function' | 'string',
  values: Readonly<Record<string, unknown>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || typeof value === type) continue;
    throw invalid(`${name}: expected a ${type}, got ${shown(value)}`);
  }
}

function checkNames(what: string, given: object, known: Readonly<Record<string, true>>): void {
  if (typeof given !== 'object' || given === null) {
    throw invalid(`${what}: expected an object, got ${shown(given)}`);
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    const nearest = nearestName(name, Object.keys(known));
    const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`;
    throw invalid(`${what}: unknown option '${name}'${hint}`);
  }
}

/** Some values have no text. */
function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
