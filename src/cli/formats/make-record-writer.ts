/** Which writer writes which format. */
import type { OutputFile } from '../output-file.ts';
import { CsvWriter } from './csv-writer.ts';
import { JsonLinesWriter } from './json-lines-writer.ts';
import type { RecordFormat } from './record-source.ts';
import type { RecordWriter } from './record-writer.ts';
import { VectorWriter } from './vector-writer.ts';

/** `dimension` is that of the vectors, for formats with a header. */
export function makeRecordWriter(
  format: RecordFormat,
  file: OutputFile,
  dimension: number,
): RecordWriter {
  if (format === 'jsonl') return new JsonLinesWriter(file);
  if (format === 'csv') return new CsvWriter(file);
  return new VectorWriter(file, format, dimension);
}
