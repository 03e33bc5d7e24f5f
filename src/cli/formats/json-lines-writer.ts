/** Writes JSON lines as `import` reads them: nothing of a record is lost. */
import type { Json, RecordId, StoredRecord } from '../../index.ts';
import type { OutputFile } from '../output-file.ts';
import { parseRecord } from './json-lines.ts';
import type { RecordWriter, Written } from './record-writer.ts';
import { wholeLines } from './whole-lines.ts';

export class JsonLinesWriter implements RecordWriter {
  readonly #file: OutputFile;

  constructor(file: OutputFile) {
    this.#file = file;
  }

  async resume(most?: number): Promise<{ written: number; lastId: RecordId | undefined }> {
    const { lines, last, end } = await wholeLines(this.#file, most);
    await this.#file.keep(end);
    const { path } = this.#file;
    const lastId = lines === 0 ? undefined : parseRecord(last, `${path} line ${lines}`).id;
    return { written: lines, lastId };
  }

  async write(record: StoredRecord<Json>): Promise<Written> {
    await this.#file.write(Buffer.from(`${JSON.stringify(plainRecord(record))}\n`));
    return 'all';
  }

  async end(): Promise<void> {
    await this.#file.flush();
  }
}

/** An id as `readIds` reads it: a line of JSON. */
export function encodeIdLine(id: RecordId): Uint8Array {
  return Buffer.from(`${JSON.stringify(plainId(id))}\n`);
}

function plainId(id: RecordId): unknown {
  return typeof id === 'bigint' ? { $bigint: id.toString() } : id;
}

/** A record as JSON says it; the default namespace is left out. */
function plainRecord({ id, namespace, vector, vectors, ...rest }: StoredRecord<Json>): object {
  return {
    id: plainId(id),
    ...(namespace === '' ? {} : { namespace }),
    ...(vector === undefined ? {} : { vector: Array.from(vector) }),
    ...(vectors === undefined ? {} : { vectors: plainVectors(vectors) }),
    ...rest,
  };
}

function plainVectors(vectors: Readonly<Record<string, Float32Array>>): object {
  const entries = Object.entries(vectors).map(([name, vector]) => [name, Array.from(vector)]);
  return Object.fromEntries(entries);
}
