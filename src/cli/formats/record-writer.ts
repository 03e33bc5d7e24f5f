/** One interface over the formats of `export`; `make-record-writer.ts` makes one. */
import type { Json, RecordId, StoredRecord } from '../../index.ts';

export interface RecordWriter {
  /**
   * Goes on with a file that was not finished: whole records stay, at most `most` of them, the rest is cut off.
   * How many there are, and the id of the last one where the format tells it.
   */
  resume(
    most?: number,
  ): Promise<{ readonly written: number; readonly lastId: RecordId | undefined }>;
  /** False when the format cannot hold the record: it has no vector. */
  write(record: StoredRecord<Json>): Promise<boolean>;
  /** Completes the file. */
  end(): Promise<void>;
}
