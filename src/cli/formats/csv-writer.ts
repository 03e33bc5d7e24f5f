/**
 * Writes CSV (RFC 4180) as `import` reads it: the columns id, namespace, text, metadata and vector, the last
 * two as JSON. Line ends within a text are kept as `\n` in quotes, so that records and lines differ.
 */
import { parse } from 'csv-parse';
import type { Json, RecordId, StoredRecord } from '../../index.ts';
import type { OutputFile } from '../output-file.ts';
import type { RecordWriter, Written } from './record-writer.ts';

const COLUMNS = ['id', 'namespace', 'text', 'metadata', 'vector'];
const PIECE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

export class CsvWriter implements RecordWriter {
  readonly #file: OutputFile;

  constructor(file: OutputFile) {
    this.#file = file;
  }

  async resume(
    most: number = Number.POSITIVE_INFINITY,
  ): Promise<{ written: number; lastId: undefined }> {
    const { records, end } = await this.#wholeRecords(most);
    await this.#file.keep(end);
    return { written: records, lastId: undefined };
  }

  async write(record: StoredRecord<Json>): Promise<Written> {
    if (this.#file.length === 0) await this.#file.write(line(COLUMNS));
    const { id, namespace, text = '', metadata, vector, vectors, expiresAt } = record;
    const cells = [
      shownId(id),
      namespace,
      text,
      metadata === undefined ? '' : JSON.stringify(metadata),
      vector === undefined ? '' : JSON.stringify(Array.from(vector)),
    ];
    await this.#file.write(line(cells));
    return vectors === undefined && expiresAt === undefined ? 'all' : 'part';
  }

  async end(): Promise<void> {
    if (this.#file.length === 0) await this.#file.write(line(COLUMNS));
    await this.#file.flush();
  }

  /** Records, at most so many, that are whole and end with their line; the bytes of them with the line of names. */
  async #wholeRecords(most: number): Promise<{ records: number; end: number }> {
    const size = await this.#file.size();
    const parser = parse({ info: true });
    const ends: number[] = [];
    const reading = (async () => {
      try {
        for await (const { info } of parser as AsyncIterable<{ info: { bytes: number } }>) {
          ends.push(info.bytes);
        }
      } catch {
        // The record in which the file broke off.
      }
    })();
    for (let at = 0; at < size && !parser.destroyed; at += PIECE_BYTES) {
      const piece = await this.#file.read(at, Math.min(PIECE_BYTES, size - at));
      if (!parser.write(piece)) await Promise.race([drained(parser), reading]);
    }
    parser.end();
    await reading;
    const end = ends.at(-1) ?? 0;
    const [last] = await this.#file.read(end - 1, end > 0 ? 1 : 0);
    if (end > 0 && last !== NEWLINE) ends.pop();
    const records = Math.max(0, Math.min(most, ends.length - 1));
    return { records, end: ends.at(records) ?? 0 };
  }
}

function drained(stream: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => stream.once('drain', resolve));
}

/** A string that would be read as a number stands in quotes of its own. */
function shownId(id: RecordId): string {
  if (typeof id !== 'string') return id.toString();
  return /^-?\d+$|^"/u.test(id) ? `"${id}"` : id;
}

function line(cells: readonly string[]): Uint8Array {
  const quoted = cells.map((cell) =>
    /[",\r\n]/u.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell,
  );
  return Buffer.from(`${quoted.join(',')}\n`);
}
