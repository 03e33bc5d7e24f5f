/** One interface over the record formats of `import`. Text folders have their own way: `markdown-sync.ts`. */
import type { Json, RecordId, RecordInput } from '../../index.ts';
import { inputError } from '../command-error.ts';
import { readCsv } from './csv.ts';
import { InputStream } from './input-stream.ts';
import { readIds, readJsonLines } from './json-lines.ts';
import { readVectorFile } from './vector-file.ts';
import type { VectorFileKind } from './vector-header.ts';

export type RecordFormat = 'jsonl' | 'csv' | VectorFileKind;

export interface SourceRecord {
  /** File and row, for messages. */
  readonly where: string;
  readonly record: RecordInput<Json>;
}

export interface RecordSource {
  /** Known before the first record, for formats with a header. */
  readonly rows: number | undefined;
  readonly dimension: number | undefined;
  /** In the order of the file. Can be read once. */
  readonly records: AsyncIterable<SourceRecord>;
  /** 0 to 1: how much of the file has been read; undefined for a pipe. */
  share(): number | undefined;
}

/** `ids`: a file with the id of each row of a vector file, as JSON, a line each; else they are row numbers. */
export async function openRecordSource(
  path: string,
  format: RecordFormat,
  ids?: string,
): Promise<RecordSource> {
  const input = await InputStream.open(path);
  const share = (): number | undefined =>
    input.bytesTotal ? input.bytesRead / input.bytesTotal : undefined;
  if (format === 'jsonl' || format === 'csv') {
    const read = format === 'csv' ? readCsv : readJsonLines;
    const records = read(input.chunks(), path);
    return { rows: undefined, dimension: undefined, records, share };
  }
  const file = await readVectorFile(input, format);
  return {
    rows: file.rows,
    dimension: file.columns,
    records: nameRows(path, file.vectors, ids === undefined ? undefined : await openIds(ids)),
    share,
  };
}

async function openIds(path: string): Promise<AsyncGenerator<RecordId>> {
  return readIds((await InputStream.open(path)).chunks(), path);
}

/** Without `ids`, a row's id is its number, from 0. */
async function* nameRows(
  path: string,
  vectors: AsyncIterable<Float32Array>,
  ids: AsyncGenerator<RecordId> | undefined,
): AsyncGenerator<SourceRecord> {
  let row = 0;
  for await (const vector of vectors) {
    const where = `${path} row ${row}`;
    const id = ids === undefined ? row : await nextId(ids, where);
    yield { where, record: { id, vector } };
    row++;
  }
}

async function nextId(ids: AsyncGenerator<RecordId>, where: string): Promise<RecordId> {
  const next = await ids.next();
  if (next.done === true) throw inputError(where, 'the file of ids has no line for it');
  return next.value;
}
