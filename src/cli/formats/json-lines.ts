/**
 * Reads JSON lines: one record an object, `{ id, vector?, vectors?, text?, metadata?, namespace?, ttlSeconds? }`
 * (an id alone is a record, too), where `expiresAt`, in ms since 1970, may stand in place of `ttlSeconds`. Every error names
 * the file and the line.
 */
import { nearestName } from '../../base/nearest.ts';
import type { Json, RecordId, RecordInput } from '../../index.ts';
import { inputError } from '../command-error.ts';

export interface JsonLine {
  /** File and line, for messages. */
  readonly where: string;
  readonly record: RecordInput<Json>;
}

const keys = [
  'id',
  'vector',
  'vectors',
  'text',
  'metadata',
  'namespace',
  'ttlSeconds',
  'expiresAt',
];
const lineBytesMax = 64 * 1024 * 1024;
const newline = 0x0a;

/** The records of `chunks` in order. Blank lines are skipped. `name` stands in errors. */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<JsonLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 0;
  for await (const bytes of splitLines(chunks, name)) {
    line++;
    const where = `${name} line ${line}`;
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch (error) {
      throw inputError(where, 'not UTF-8', error);
    }
    if (text.trim() !== '') yield { where, record: parseRecord(text, where) };
  }
}

/** Ids, as JSON, one a line. */
export async function* readIds(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<RecordId> {
  let line = 0;
  for await (const bytes of splitLines(chunks, name)) {
    const where = `${name} line ${++line}`;
    yield checkId(parseJson(Buffer.from(bytes).toString('utf8'), where), where);
  }
}

async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = []; // The beginning of a line, over several chunks.
  let restBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const last = chunk.subarray(start, end);
      yield rest.length === 0 ? last : Buffer.concat([...rest, last]);
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > lineBytesMax) {
      throw inputError(name, 'has a line of more than 64 MiB: not JSON lines');
    }
  }
  if (restBytes > 0) yield Buffer.concat(rest);
}

/** One line; see `checkFields`. */
export function parseRecord(text: string, where: string): RecordInput<Json> {
  const value = parseJson(text, where);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw inputError(where, 'expected an object as {"id": 1, "vector": [0.1, 0.2]}');
  }
  return checkFields(value as Record<string, unknown>, where);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw inputError(where, `not JSON: ${(error as Error).message}`, error);
  }
}

/** Checks the shape of a record; what the values mean is the library's to check. */
export function checkFields(value: Record<string, unknown>, where: string): RecordInput<Json> {
  for (const key of Object.keys(value)) {
    if (keys.includes(key)) continue;
    const nearest = nearestName(key, keys);
    const advice =
      nearest === undefined ? 'put further fields into "metadata"' : `did you mean "${nearest}"?`;
    throw inputError(where, `unknown field ${JSON.stringify(key)}; ${advice}`);
  }
  const { vector, vectors, text: content, namespace } = value;
  const id = checkId(value.id, where);
  if (vector !== undefined) checkVector(vector, '"vector"', where);
  if (vectors !== undefined) checkVectors(vectors, where);
  if (content !== undefined && typeof content !== 'string') {
    throw inputError(where, '"text" must be a string');
  }
  if (namespace !== undefined && typeof namespace !== 'string') {
    throw inputError(where, '"namespace" must be a string');
  }
  return { ...withTtl(value, where), id } as RecordInput<Json>;
}

/** What an export says of the end of a record, as the time from now on; one that is over lasts for a moment. */
function withTtl(value: Record<string, unknown>, where: string): Record<string, unknown> {
  const { expiresAt, ...rest } = value;
  if (expiresAt === undefined) return value;
  if (typeof expiresAt !== 'number' || rest.ttlSeconds !== undefined) {
    throw inputError(where, '"expiresAt" must be a number, of a record without "ttlSeconds"');
  }
  return { ...rest, ttlSeconds: Math.max(1, expiresAt - Date.now()) / 1000 };
}

/** An id beyond the exact integers of JSON is written as `{"$bigint": "9007199254740993"}`. */
function checkId(id: unknown, where: string): RecordId {
  if (id === undefined) throw inputError(where, 'has no "id"');
  if (typeof id === 'number' && !Number.isSafeInteger(id)) {
    throw inputError(
      where,
      `"id" ${id} is no exact integer; write {"$bigint": "…"} with its digits`,
    );
  }
  if (typeof id === 'string' || typeof id === 'number') return id;
  const digits = (id as { $bigint?: unknown } | null)?.$bigint;
  if (typeof digits !== 'string' || !/^-?\d{1,19}$/u.test(digits)) {
    throw inputError(where, '"id" must be a string or an integer');
  }
  return BigInt(digits);
}

function checkVectors(vectors: unknown, where: string): void {
  if (typeof vectors !== 'object' || vectors === null || Array.isArray(vectors)) {
    throw inputError(where, '"vectors" must be an object of arrays of numbers by name');
  }
  for (const [name, vector] of Object.entries(vectors)) {
    checkVector(vector, `"vectors".${JSON.stringify(name)}`, where);
  }
}

function checkVector(vector: unknown, name: string, where: string): void {
  if (!Array.isArray(vector)) throw inputError(where, `${name} must be an array of numbers`);
  const wrong = vector.findIndex((part) => typeof part !== 'number' || !Number.isFinite(part));
  if (wrong >= 0) {
    const found = JSON.stringify(vector[wrong])?.slice(0, 40);
    throw inputError(where, `${name}[${wrong}] is ${found}, expected a finite number`);
  }
}
