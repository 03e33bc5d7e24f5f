/**
 * Reads the vector files of the public benchmarks (big-ann-benchmarks).
 *
 *   offset  size  field
 *        0     4  rows
 *        4     4  columns      the dimension
 *        8        the rows     fbin: 4-byte floats; u8bin: bytes
 *
 * All integers and floats are little-endian. A file that is shorter or longer than its header says is
 * refused with the row in which it ends.
 */
import { inputError } from '../command-error.ts';
import type { InputStream } from './input-stream.ts';

export type VectorFileKind = 'fbin' | 'u8bin';

export interface VectorFile {
  readonly rows: number;
  readonly columns: number;
  /** The rows in order; each is a fresh array. Can be read once. */
  readonly vectors: AsyncIterable<Float32Array>;
}

const HEADER_SIZE = 8;
const columnsMax = 16_384;

/** Reads the header; the rows are read as they are asked for. `name` is for error messages. */
export async function readVectorFile(
  input: Pick<InputStream, 'path' | 'chunks' | 'bytesTotal' | 'isCompressed'>,
  kind: VectorFileKind,
): Promise<VectorFile> {
  const name = input.path;
  const reader = new ByteReader(input.chunks());
  const header = await reader.read(HEADER_SIZE);
  if (header.length < HEADER_SIZE) {
    await reader.close();
    throw inputError(name, `not ${kind}: ${header.length} bytes, shorter than the header of 8`);
  }
  const view = new DataView(header.buffer, header.byteOffset);
  const rows = view.getUint32(0, true);
  const columns = view.getUint32(4, true);
  if (columns === 0 || columns > columnsMax) {
    await reader.close();
    const range = `expected 1 to ${columnsMax}`;
    throw inputError(name, `not ${kind}: its header says ${columns} columns, ${range}`);
  }
  const rowBytes = columns * (kind === 'fbin' ? 4 : 1);
  return { rows, columns, vectors: readRows(reader, { name, kind, rows, columns, rowBytes }) };
}

interface RowLayout {
  readonly name: string;
  readonly kind: VectorFileKind;
  readonly rows: number;
  readonly columns: number;
  readonly rowBytes: number;
}

async function* readRows(reader: ByteReader, layout: RowLayout): AsyncGenerator<Float32Array> {
  const { name, kind, rows, columns, rowBytes } = layout;
  try {
    for (let row = 0; row < rows; row++) {
      const bytes = await reader.read(rowBytes);
      if (bytes.length < rowBytes) {
        throw inputError(`${name} row ${row}`, `the file ends here; its header says ${rows} rows`);
      }
      yield kind === 'fbin' ? decodeFloats(bytes, columns) : Float32Array.from(bytes);
    }
    if ((await reader.read(1)).length > 0) {
      throw inputError(name, `has more bytes than the ${rows} rows that its header says`);
    }
  } finally {
    await reader.close();
  }
}

function decodeFloats(bytes: Uint8Array, columns: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const vector = new Float32Array(columns);
  for (let i = 0; i < columns; i++) vector[i] = view.getFloat32(i * 4, true);
  return vector;
}

/** Runs of an asked length over chunks of any length. */
class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `length` bytes, fewer only at the end. Borrowed until the next call. */
  async read(length: number): Promise<Uint8Array> {
    const whole = this.#chunk.subarray(this.#position, this.#position + length);
    this.#position += whole.length;
    if (whole.length === length) return whole;
    const joined = new Uint8Array(length);
    joined.set(whole);
    let filled = whole.length;
    while (filled < length) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      this.#chunk = next.value;
      this.#position = Math.min(next.value.length, length - filled);
      joined.set(next.value.subarray(0, this.#position), filled);
      filled += this.#position;
    }
    return joined.subarray(0, filled);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
