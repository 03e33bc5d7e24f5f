/** One interface over the formats of `export`. */
import type { Json, RecordId, StoredRecord } from '../../index.ts';
import type { OutputFile } from '../output-file.ts';
import { CsvWriter } from './csv-writer.ts';
import { JsonLinesWriter } from './json-lines-writer.ts';
import type { RecordFormat } from './record-source.ts';
import { VectorWriter } from './vector-writer.ts';

export interface RecordWriter {
  /**
   * Goes on with a file that was not finished: whole records stay, the rest is cut off. How many there
   * are, and the id of the last one where the format tells it.
   */
  resume(): Promise<{ readonly written: number; readonly lastId: RecordId | undefined }>;
  /** False when the format cannot hold the record: it has no vector. */
  write(record: StoredRecord<Json>): Promise<boolean>;
  /** Completes the file. */
  end(): Promise<void>;
}

export function makeRecordWriter(
  format: RecordFormat,
  file: OutputFile,
  dimension: number,
): RecordWriter {
  if (format === 'jsonl') return new JsonLinesWriter(file);
  if (format === 'csv') return new CsvWriter(file);
  return new VectorWriter(file, format, dimension);
}
