/**
 * What a table says of itself, so that it can be judged, ordered and checked without its blocks: a JSON
 * object in UTF-8, one section of the file. Readers pass over fields that they do not know.
 */
import { assert } from '../base/assert.ts';
import { CorruptionError, type Location } from '../errors.ts';

export interface TableProperties {
  /** Id of the tree that the entries belong to. */
  readonly tree: number;
  /** Level that the table was written for. */
  readonly level: number;
  /** Orders tables by creation: larger is later. */
  readonly epoch: number;
  /** Entries of all kinds; at least one. */
  readonly entries: number;
  readonly sets: number;
  readonly merges: number;
  readonly deletes: number;
  /** Distinct keys. */
  readonly keys: number;
  readonly smallestHi: number;
  readonly smallestLo: number;
  readonly largestHi: number;
  readonly largestLo: number;
  readonly smallestSequence: number;
  readonly largestSequence: number;
  /** Bytes of the blocks before and after compression. */
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly blocks: number;
  readonly blockBytes: number;
  readonly filterBitsPerKey: number;
  readonly codec: string;
  /** Empty: none. */
  readonly mergeOperator: string;
  /** Empty, or the name of the graph layout that wrote the values. */
  readonly layout: string;
}

/** The fields in the order they are written in, which is part of the format. */
const numberFields = [
  'tree',
  'level',
  'epoch',
  'entries',
  'sets',
  'merges',
  'deletes',
  'keys',
  'smallestHi',
  'smallestLo',
  'largestHi',
  'largestLo',
  'smallestSequence',
  'largestSequence',
  'rawBytes',
  'storedBytes',
  'blocks',
  'blockBytes',
  'filterBitsPerKey',
] as const satisfies readonly (keyof TableProperties)[];

const textFields = [
  'codec',
  'mergeOperator',
  'layout',
] as const satisfies readonly (keyof TableProperties)[];

export function encodeTableProperties(properties: TableProperties): Uint8Array {
  assert(properties.entries > 0, 'a table is never empty');
  const fields = [...numberFields, ...textFields].map((name) => [name, properties[name]]);
  return new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields)));
}

export function decodeTableProperties(bytes: Uint8Array, location: Location): TableProperties {
  const object = parseObject(bytes, location);
  for (const name of numberFields) {
    const value = object[name];
    const isCount = typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
    const isWhole = name === 'filterBitsPerKey' || Number.isInteger(value);
    if (!isCount || !isWhole)
      throw new CorruptionError(`table property ${name} is wrong`, location);
  }
  for (const name of textFields) {
    if (typeof object[name] !== 'string') {
      throw new CorruptionError(`table property ${name} is wrong`, location);
    }
  }
  const properties = object as unknown as TableProperties;
  const { entries, sets, merges, deletes, keys } = properties;
  if (entries === 0 || sets + merges + deletes !== entries || keys > entries) {
    throw new CorruptionError('table properties contradict each other', location);
  }
  return properties;
}

function parseObject(bytes: Uint8Array, location: Location): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CorruptionError('table properties are not JSON', location, { cause });
  }
  if (typeof value !== 'object' || value === null) {
    throw new CorruptionError('table properties are not an object', location);
  }
  return value as Record<string, unknown>;
}
