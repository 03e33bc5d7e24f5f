/** One interface over the record formats of `import`. Text folders have their own way: `markdown-sync.ts`. */
import type { Json, RecordInput } from '../../index.ts';
import { InputStream } from './input-stream.ts';
import { readJsonLines } from './json-lines.ts';
import { readVectorFile, type VectorFileKind } from './vector-file.ts';

export type RecordFormat = 'jsonl' | VectorFileKind;

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

export async function openRecordSource(path: string, format: RecordFormat): Promise<RecordSource> {
  const input = await InputStream.open(path);
  const share = (): number | undefined =>
    input.bytesTotal ? input.bytesRead / input.bytesTotal : undefined;
  if (format === 'jsonl') {
    const records = readJsonLines(input.chunks(), path);
    return { rows: undefined, dimension: undefined, records, share };
  }
  const file = await readVectorFile(input, format);
  return {
    rows: file.rows,
    dimension: file.columns,
    records: numberRows(path, file.vectors),
    share,
  };
}

/** Ids are row numbers, from 0. */
async function* numberRows(
  path: string,
  vectors: AsyncIterable<Float32Array>,
): AsyncGenerator<SourceRecord> {
  let row = 0;
  for await (const vector of vectors) {
    yield { where: `${path} row ${row}`, record: { id: row, vector } };
    row++;
  }
}
