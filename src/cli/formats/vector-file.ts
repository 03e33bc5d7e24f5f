/**
 * Reads files of vectors, row by row. A file that is shorter or longer than its header says is refused with
 * the row in which it ends.
 */
import { inputError } from '../command-error.ts';
import { ByteReader } from './byte-reader.ts';
import type { InputStream } from './input-stream.ts';
import {
  type Element,
  readHeader,
  type VectorFileKind,
  type VectorHeader,
} from './vector-header.ts';

export interface VectorFile {
  /** Undefined for a pipe of a kind whose header does not say it. */
  readonly rows: number | undefined;
  readonly columns: number;
  /** The rows in order; each is a fresh array. Can be read once. */
  readonly vectors: AsyncIterable<Float32Array>;
}

const elementBytes: Readonly<Record<Element, number>> = { f4: 4, f8: 8, u1: 1, i1: 1 };
const COUNT_BYTES = 4;

/** Reads the header; the rows are read as they are asked for. */
export async function readVectorFile(
  input: Pick<InputStream, 'path' | 'chunks' | 'bytesTotal' | 'isCompressed'>,
  kind: VectorFileKind,
): Promise<VectorFile> {
  const name = input.path;
  const reader = new ByteReader(input.chunks());
  let header: VectorHeader;
  try {
    header = await readHeader(reader, kind, name);
  } catch (error) {
    await reader.close();
    throw error;
  }
  const { columns, element, isRowCounted } = header;
  const rowBytes = columns * elementBytes[element];
  const vectors = isRowCounted
    ? readCountedRows(reader, { name, header, rowBytes })
    : readRows(reader, { name, header, rowBytes });
  const { bytesTotal, isCompressed } = input;
  const rows =
    header.rows ??
    (bytesTotal === undefined || isCompressed
      ? undefined
      : Math.floor(bytesTotal / (COUNT_BYTES + rowBytes)));
  return { rows, columns, vectors };
}

interface RowLayout {
  readonly name: string;
  readonly header: VectorHeader;
  readonly rowBytes: number;
}

async function* readRows(reader: ByteReader, layout: RowLayout): AsyncGenerator<Float32Array> {
  const { name, header, rowBytes } = layout;
  const { rows = 0, columns, element } = header;
  try {
    for (let row = 0; row < rows; row++) {
      const bytes = await reader.read(rowBytes);
      if (bytes.length < rowBytes) {
        throw inputError(`${name} row ${row}`, `the file ends here; its header says ${rows} rows`);
      }
      yield decodeRow(bytes, columns, element);
    }
    if ((await reader.read(1)).length > 0) {
      throw inputError(name, `has more bytes than the ${rows} rows that its header says`);
    }
  } finally {
    await reader.close();
  }
}

/** The count before the first row was its header. */
async function* readCountedRows(
  reader: ByteReader,
  { name, header, rowBytes }: RowLayout,
): AsyncGenerator<Float32Array> {
  const { columns, element } = header;
  try {
    for (let row = 0; ; row++) {
      const where = `${name} row ${row}`;
      if (row > 0) {
        const count = Buffer.from(await reader.read(COUNT_BYTES));
        if (count.length === 0) return;
        const found = count.length < COUNT_BYTES ? undefined : count.readInt32LE(0);
        if (found !== columns) {
          const what = found === undefined ? 'the file ends here' : `has ${found} columns`;
          throw inputError(where, `${what}; the first row has ${columns} columns`);
        }
      }
      const bytes = await reader.read(rowBytes);
      if (bytes.length < rowBytes) throw inputError(where, 'the file ends in this row');
      yield decodeRow(bytes, columns, element);
    }
  } finally {
    await reader.close();
  }
}

function decodeRow(bytes: Uint8Array, columns: number, element: Element): Float32Array {
  if (element === 'u1') return Float32Array.from(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const vector = new Float32Array(columns);
  for (let i = 0; i < columns; i++) {
    if (element === 'f4') vector[i] = view.getFloat32(i * 4, true);
    else vector[i] = element === 'f8' ? view.getFloat64(i * 8, true) : view.getInt8(i);
  }
  return vector;
}
