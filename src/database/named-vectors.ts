/**
 * Vectors that a user gives by the name of their vector space, checked against the collection's spaces. Also
 * what is given for the default space of a collection that may have none.
 */
import { nearestName } from '../base/nearest.ts';
import type { EffectiveCollectionOptions, EffectiveSpaceOptions } from './options.ts';
import { checkVector, describe, invalid } from './validate.ts';

export const NO_VECTORS: ReadonlyMap<string, never> = new Map<string, never>();

/** The options of a vector space by name; undefined: the default one. INVALID_ARGUMENT when there is none. */
export function spaceOptions(
  options: EffectiveCollectionOptions,
  vectorName: unknown,
  parameter: string,
): EffectiveSpaceOptions {
  if (vectorName === undefined) {
    if (options.dimension > 0) return options;
    throw invalid(`${parameter}: the collection has no default vector space; ${known(options)}`);
  }
  if (typeof vectorName !== 'string') {
    throw invalid(`${parameter}: expected a string, got ${describe(vectorName)}`);
  }
  if (Object.hasOwn(options.vectors, vectorName)) return options.vectors[vectorName];
  const nearest = nearestName(vectorName, Object.keys(options.vectors));
  const hint = nearest === undefined ? known(options) : `did you mean '${nearest}'?`;
  throw invalid(`${parameter}: there is no vector space ${describe(vectorName)}; ${hint}`);
}

/** A copy of a vector of the default space; undefined stays undefined. */
export function checkDefaultVector(
  value: unknown,
  name: string,
  options: EffectiveCollectionOptions,
): Float32Array | undefined {
  if (value === undefined) return undefined;
  return checkVector(value, name, spaceOptions(options, undefined, name));
}

/** Copies, by name. What is undefined is not there. */
export function checkNamedVectors(
  value: unknown,
  name: string,
  options: EffectiveCollectionOptions,
): ReadonlyMap<string, Float32Array> {
  if (value === undefined) return NO_VECTORS;
  const checked = new Map<string, Float32Array>();
  for (const [space, vector] of entriesOf(value, name)) {
    checked.set(space, checkNamed(vector, space, { name, options }));
  }
  return checked;
}

/** As `checkNamedVectors`, where null stands for no vector: undefined in the answer. */
export function checkVectorChanges(
  value: unknown,
  name: string,
  options: EffectiveCollectionOptions,
): ReadonlyMap<string, Float32Array | undefined> {
  if (value === undefined) return NO_VECTORS;
  const checked = new Map<string, Float32Array | undefined>();
  for (const [space, vector] of entriesOf(value, name)) {
    if (vector === null) spaceOptions(options, space, `${name}.${space}`);
    const isGone = vector === null;
    checked.set(space, isGone ? undefined : checkNamed(vector, space, { name, options }));
  }
  return checked;
}

function checkNamed(
  vector: unknown,
  space: string,
  at: { readonly name: string; readonly options: EffectiveCollectionOptions },
): Float32Array {
  const parameter = `${at.name}.${space}`;
  return checkVector(vector, parameter, spaceOptions(at.options, space, parameter));
}

function entriesOf(value: unknown, name: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${name}: expected an object of vectors by name, got ${describe(value)}`);
  }
  return Object.entries(value).filter(([, vector]) => vector !== undefined);
}

/** For a spool: u32 name length, u32 vector length in bytes, name (UTF-8), f32s; of each vector. */
export function encodeNamedVectors(named: ReadonlyMap<string, Float32Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, vector] of named) {
    const bytes = Buffer.from(name);
    const header = new DataView(new ArrayBuffer(8));
    header.setUint32(0, bytes.length, true);
    header.setUint32(4, vector.byteLength, true);
    const values = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
    parts.push(new Uint8Array(header.buffer), bytes, values);
  }
  return Buffer.concat(parts);
}

/** The inverse of `encodeNamedVectors`; copies. */
export function decodeNamedVectors(bytes: Uint8Array): ReadonlyMap<string, Float32Array> {
  const named = new Map<string, Float32Array>();
  const copy = Buffer.from(bytes);
  for (let at = 0; at < copy.length; ) {
    const nameEnd = at + 8 + copy.readUInt32LE(at);
    const end = nameEnd + copy.readUInt32LE(at + 4);
    const values = new Uint8Array(copy.subarray(nameEnd, end));
    named.set(copy.toString('utf8', at + 8, nameEnd), new Float32Array(values.buffer));
    at = end;
  }
  return named;
}

function known({ dimension, vectors }: EffectiveCollectionOptions): string {
  const names = Object.keys(vectors);
  if (names.length > 0) return `its named spaces: ${names.join(', ')}`;
  return dimension > 0 ? 'it has the default one only' : 'it has no vectors at all';
}
