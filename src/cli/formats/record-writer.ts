/** One interface over the formats of `export`; `make-record-writer.ts` makes one. */
import type { Json, RecordId, StoredRecord } from '../../index.ts';

/**
 * How much of a record is in the file: as much as the format is for, all but its named vectors and its end, or nothing, since
 * it has no vector.
 */
export type Written = 'all' | 'part' | 'nothing';

export interface RecordWriter {
  /**
   * Goes on with a file that was not finished: whole records stay, at most `most` of them, the rest is cut off.
   * How many there are, and the id of the last one where the format tells it.
   */
  resume(
    most?: number,
  ): Promise<{ readonly written: number; readonly lastId: RecordId | undefined }>;
  /** Writes what the format can hold of a record, and says how much that is. */
  write(record: StoredRecord<Json>): Promise<Written>;
  /** Completes the file. */
  end(): Promise<void>;
}
