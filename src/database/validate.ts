/**
 * The public border: everything that a caller hands in is checked here, and nowhere below. Each
 * message begins with the name of the parameter and says what was expected and what was found.
 */
import { describe } from '../base/describe.ts';
import { nearestName } from '../base/nearest.ts';
import { DatabaseError } from '../errors.ts';
import type { Metric } from './options.ts';
import type { IncludePart, Json, VectorInput } from './record.ts';

export { describe };

const METADATA_BYTES_MAX = 65_536;
/** Fifty years: what expires later than 2106 has no place in the index. */
const TTL_SECONDS_MAX = 50 * 365 * 86_400;
const NAMESPACE_BYTES_MAX = 1024;
/** Squared norms beyond these cannot be compared in float32 arithmetic. */
const SQUARED_NORM_MAX = 1e38;
const SQUARED_NORM_MIN = 1e-36;

export function invalid(message: string): DatabaseError {
  return new DatabaseError('INVALID_ARGUMENT', message);
}

/** Refuses whatever is not a plain object or has a key that is not in `known`, naming the nearest one. */
export function checkKeys(options: unknown, known: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(`${what}: expected an object, got ${describe(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const nearest = nearestName(key, known);
    const hint =
      nearest === undefined ? `known are ${known.join(', ')}` : `did you mean '${nearest}'?`;
    throw invalid(`${what}: unknown option '${key}'; ${hint}`);
  }
}

/** Refuses options that the API names and this version does not have. */
export function refuseUnsupported(options: object, names: readonly string[], what: string): void {
  for (const name of names) {
    if ((options as Record<string, unknown>)[name] !== undefined) {
      throw invalid(`${what}: '${name}' is not supported yet`);
    }
  }
}

export function checkInteger(
  value: unknown,
  name: string,
  range: { readonly from: number; readonly to: number },
): number {
  if (typeof value === 'number' && Number.isInteger(value)) {
    if (value >= range.from && value <= range.to) return value;
  }
  throw invalid(
    `${name}: expected an integer from ${range.from} to ${range.to}, got ${describe(value)}`,
  );
}

export function checkNumber(value: unknown, name: string): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw invalid(`${name}: expected a number, got ${describe(value)}`);
}

export function checkBoolean(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(`${name}: expected true or false, got ${describe(value)}`);
}

export function checkOneOf<T extends string>(
  value: unknown,
  name: string,
  choices: readonly T[],
): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw invalid(`${name}: expected one of ${choices.join(', ')}, got ${describe(value)}`);
}

export function checkName(value: unknown, name: string): string {
  if (typeof value === 'string' && value.length > 0 && value.isWellFormed()) {
    if (Buffer.byteLength(value) <= NAMESPACE_BYTES_MAX) return value;
  }
  throw invalid(
    `${name}: expected a string of 1 to ${NAMESPACE_BYTES_MAX} bytes, got ${describe(value)}`,
  );
}

export function checkNamespace(value: unknown, name: string): string {
  return value === '' ? '' : checkName(value, name);
}

export function checkInclude(value: unknown): readonly IncludePart[] {
  if (!Array.isArray(value)) throw invalid(`include: expected an array, got ${describe(value)}`);
  return value.map((part) => checkOneOf(part, 'include', ['metadata', 'text', 'vector']));
}

/**
 * A fresh Float32Array of the vector. `DIMENSION_MISMATCH` when it is of another dimension,
 * `INVALID_ARGUMENT` naming the position when a value is not finite.
 */
export function checkVector(
  value: unknown,
  name: string,
  space: { readonly dimension: number; readonly metric: Metric },
): Float32Array {
  const checked = borrowVector(value, name, space);
  return checked === value ? checked.slice() : checked;
}

/** As `checkVector`, but a Float32Array that is right is returned as it is: used before its owner can change it. */
export function borrowVector(
  value: unknown,
  name: string,
  space: { readonly dimension: number; readonly metric: Metric },
): Float32Array {
  if (!(value instanceof Float32Array) && !Array.isArray(value)) {
    throw invalid(
      `${name}: expected a Float32Array or an array of numbers, got ${describe(value)}`,
    );
  }
  const source = value as VectorInput;
  if (source.length !== space.dimension) {
    throw new DatabaseError(
      'DIMENSION_MISMATCH',
      `${name}: expected ${space.dimension} dimensions, got ${source.length}`,
    );
  }
  if (source instanceof Float32Array) {
    const squares = sumOfSquares(source);
    if (Number.isFinite(squares)) {
      checkNorm(squares, name, space.metric);
      return source;
    }
  }
  const vector = new Float32Array(source.length);
  let squaredNorm = 0;
  for (let i = 0; i < vector.length; i++) {
    const given = source[i];
    if (typeof given !== 'number')
      throw invalid(`${name}[${i}]: expected a number, got ${describe(given)}`);
    vector[i] = given;
    const stored = vector[i];
    if (!Number.isFinite(stored)) {
      throw invalid(`${name}[${i}]: expected a finite float32, got ${given}`);
    }
    squaredNorm += stored * stored;
  }
  checkNorm(squaredNorm, name, space.metric);
  return vector;
}

/** Not finite when one of the values is not. Four sums: none waits for the one before. */
function sumOfSquares(values: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const p = values[i];
    const q = values[i + 1];
    const r = values[i + 2];
    const s = values[i + 3];
    a += p * p;
    b += q * q;
    c += r * r;
    d += s * s;
  }
  for (let i = whole; i < values.length; i++) a += values[i] * values[i];
  return a + b + (c + d);
}

function checkNorm(squaredNorm: number, name: string, metric: Metric): void {
  if (squaredNorm > SQUARED_NORM_MAX) {
    throw invalid(
      `${name}: its norm ${Math.sqrt(squaredNorm)} is too large for float32; scale it down`,
    );
  }
  if (metric === 'cosine' && squaredNorm < SQUARED_NORM_MIN) {
    throw invalid(`${name}: a zero vector has no direction; the cosine metric needs one`);
  }
}

/** The JSON text of metadata; undefined stays undefined. */
export function checkMetadata(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  let json: string | undefined;
  try {
    json = JSON.stringify(value, refuseNonFinite);
  } catch (cause) {
    throw new DatabaseError('INVALID_ARGUMENT', `${name}: not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (json === undefined) throw invalid(`${name}: expected JSON, got ${describe(value)}`);
  const size = Buffer.byteLength(json);
  if (size > METADATA_BYTES_MAX) {
    throw invalid(`${name}: expected at most ${METADATA_BYTES_MAX} bytes of JSON, got ${size}`);
  }
  return json;
}

export function checkText(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value.isWellFormed()) return value;
  throw invalid(`${name}: expected a well-formed string, got ${describe(value)}`);
}

/** ms that a record lives; undefined: for ever. */
export function checkTtl(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value > 0 && value <= TTL_SECONDS_MAX) {
    return Math.max(1, Math.round(1000 * value));
  }
  const expected = `a number of seconds above 0, ${TTL_SECONDS_MAX} at most`;
  throw invalid(`${name}: expected ${expected}, got ${describe(value)}`);
}

/** `JSON` after its text has been checked by `checkMetadata`. */
export function parseChecked(json: string | undefined): Json | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as Json);
}

function refuseNonFinite(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TypeError(`'${key}' is ${value}`);
  }
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new TypeError(`'${key}' is a ${typeof value}`);
  }
  return value;
}
