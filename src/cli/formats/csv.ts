/**
 * Reads CSV with a line of names: `id`, `vector`, `text`, `namespace` and `metadata` are what they are in JSON
 * lines; every other column becomes a field of the metadata, a number or a boolean where it reads as one,
 * absent where it is empty.
 */
import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { Json } from '../../index.ts';
import { inputError } from '../command-error.ts';
import { checkFields, type JsonLine } from './json-lines.ts';

type Row = Readonly<Record<string, string>>;

/** The records of `chunks` in order. `name` stands in errors, with the line. */
export async function* readCsv(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<JsonLine> {
  const source = Readable.from(chunks, { objectMode: false });
  const parser = parse({ columns: checkedNames(name), bom: true, info: true, relax_quotes: false });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      readonly record: Row;
      readonly info: { readonly lines: number };
    }>) {
      const where = `${name} line ${info.lines}`;
      yield { where, record: checkFields(fieldsOf(record, where), where) };
    }
  } catch (error) {
    throw error instanceof CsvError ? inputError(name, `not CSV: ${error.message}`, error) : error;
  } finally {
    source.destroy();
    parser.destroy();
  }
}

function checkedNames(name: string): (names: readonly string[]) => string[] {
  return (names) => {
    const twice = names.find((column, i) => names.indexOf(column) !== i);
    if (twice !== undefined) throw inputError(name, `has two columns "${twice}"`);
    if (!names.includes('id')) {
      throw inputError(name, `has no column "id" in its first line: ${names.join(', ')}`);
    }
    return [...names];
  };
}

function fieldsOf(row: Row, where: string): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  const metadata: Record<string, Json> = {};
  for (const [column, value] of Object.entries(row)) {
    if (value === '' && column !== 'id') continue;
    if (column === 'id') record.id = parseId(value);
    else if (column === 'text' || column === 'namespace') record[column] = value;
    else if (column === 'vector') record.vector = parseVector(value);
    else if (column === 'metadata') Object.assign(metadata, parseMetadata(value, where));
    else metadata[column] = parseValue(value);
  }
  if (Object.keys(metadata).length > 0) record.metadata = metadata;
  return record;
}

/** Digits are a number; a string of digits stands in quotes of its own: `"17"`. */
function parseId(value: string): unknown {
  if (/^-?(?:0|[1-9]\d*)$/u.test(value)) {
    return Number.isSafeInteger(Number(value)) ? Number(value) : { $bigint: value };
  }
  return /^".*"$/su.test(value) ? value.slice(1, -1) : value;
}

/** Numbers between brackets, commas, semicolons or spaces; what is none becomes NaN, and is refused later. */
function parseVector(value: string): number[] {
  const parts = value.replace(/^\s*\[|\]\s*$/gu, '').split(/[\s,;]+/u);
  return parts.filter((part) => part !== '').map(Number);
}

function parseMetadata(value: string, where: string): Record<string, Json> {
  let parsed: Json;
  try {
    parsed = JSON.parse(value) as Json;
  } catch (error) {
    throw inputError(where, `"metadata" is not JSON: ${(error as Error).message}`, error);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw inputError(where, '"metadata" must be a JSON object');
  }
  return parsed as Record<string, Json>;
}

function parseValue(value: string): Json {
  if (value === 'true' || value === 'false') return value === 'true';
  const isNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/u.test(value);
  return isNumber && Number.isFinite(Number(value)) ? Number(value) : value;
}
