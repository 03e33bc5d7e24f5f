/**
 * The heads of vector files: what stands before the rows. All integers are little-endian.
 *
 *   fbin, u8bin    u32 rows | u32 columns | rows                       (big-ann-benchmarks)
 *   fvecs, bvecs   each row behind an i32 of its columns               (TEXMEX)
 *   npy            `npy-header.ts`
 *   coolvec        'COOLVEC\0' | u32 version 1 | u64 rows | u64 columns | u32 dtype 0 (float32) | u32 capacity | rows
 */
import { inputError } from '../command-error.ts';
import type { ByteReader } from './byte-reader.ts';
import { encodeNpyHeader, NPY_HEADER_BYTES, readNpyHeader } from './npy-header.ts';

export const vectorFileKinds = ['fbin', 'u8bin', 'fvecs', 'bvecs', 'npy', 'coolvec'] as const;
export type VectorFileKind = (typeof vectorFileKinds)[number];

/** One number of a row: float, unsigned or signed integer, with its bytes. */
export type Element = 'f4' | 'f8' | 'u1' | 'i1';

export interface VectorHeader {
  /** Undefined when only the end of the file tells. */
  readonly rows: number | undefined;
  readonly columns: number;
  readonly element: Element;
  /** Each row has its columns before it: they have been read of the first one. */
  readonly isRowCounted: boolean;
}

const COOLVEC_MAGIC = Buffer.from('COOLVEC\0', 'latin1');
const COOLVEC_BYTES = 36;
const columnsMax = 16_384;

/** Bytes before the rows of a file that `encodeHeader` begins. */
export const headerBytes: Readonly<Record<VectorFileKind, number>> = {
  fbin: 8,
  u8bin: 8,
  fvecs: 0,
  bvecs: 0,
  npy: NPY_HEADER_BYTES,
  coolvec: COOLVEC_BYTES,
};

/** What a file of this kind is written with. */
export const writtenElement: Readonly<Record<VectorFileKind, 'f4' | 'u1'>> = {
  fbin: 'f4',
  u8bin: 'u1',
  fvecs: 'f4',
  bvecs: 'u1',
  npy: 'f4',
  coolvec: 'f4',
};

export function hasCountedRows(kind: VectorFileKind): boolean {
  return kind === 'fvecs' || kind === 'bvecs';
}

/** Reads up to the first value of the first row. Errors name the file. */
export async function readHeader(
  reader: ByteReader,
  kind: VectorFileKind,
  name: string,
): Promise<VectorHeader> {
  const header = await readers[kind](reader, name);
  if (header.columns < 1 || header.columns > columnsMax) {
    const range = `expected 1 to ${columnsMax}`;
    throw inputError(name, `not ${kind}: its header says ${header.columns} columns, ${range}`);
  }
  return header;
}

/** The head of a file of `rows`; empty for the kinds without one. */
export function encodeHeader(kind: VectorFileKind, rows: number, columns: number): Uint8Array {
  if (hasCountedRows(kind)) return new Uint8Array(0);
  if (kind === 'npy') return encodeNpyHeader(rows, columns);
  if (kind === 'coolvec') {
    const header = Buffer.alloc(COOLVEC_BYTES);
    COOLVEC_MAGIC.copy(header);
    header.writeUInt32LE(1, 8);
    header.writeBigUInt64LE(BigInt(rows), 12);
    header.writeBigUInt64LE(BigInt(columns), 20);
    header.writeUInt32LE(0, 28);
    header.writeUInt32LE(Math.min(rows, 0xffffffff), 32);
    return header;
  }
  const header = Buffer.alloc(8);
  header.writeUInt32LE(rows, 0);
  header.writeUInt32LE(columns, 4);
  return header;
}

type HeaderReader = (reader: ByteReader, name: string) => Promise<VectorHeader>;

const readers: Readonly<Record<VectorFileKind, HeaderReader>> = {
  fbin: (reader, name) => readBin(reader, name, 'fbin'),
  u8bin: (reader, name) => readBin(reader, name, 'u8bin'),
  fvecs: (reader, name) => readVecs(reader, name, 'fvecs'),
  bvecs: (reader, name) => readVecs(reader, name, 'bvecs'),
  npy: readNpy,
  coolvec: readCoolvec,
};

async function readBin(
  reader: ByteReader,
  name: string,
  kind: VectorFileKind,
): Promise<VectorHeader> {
  const header = await readExactly(reader, 8, name, kind);
  const element = writtenElement[kind];
  const [rows, columns] = [header.readUInt32LE(0), header.readUInt32LE(4)];
  return { rows, columns, element, isRowCounted: false };
}

async function readVecs(
  reader: ByteReader,
  name: string,
  kind: VectorFileKind,
): Promise<VectorHeader> {
  const header = await readExactly(reader, 4, name, kind);
  const columns = header.readInt32LE(0);
  return { rows: undefined, columns, element: writtenElement[kind], isRowCounted: true };
}

async function readNpy(reader: ByteReader, name: string): Promise<VectorHeader> {
  const { descr, rows, columns } = await readNpyHeader(reader, name);
  const element = { '<f4': 'f4', '<f8': 'f8', '|u1': 'u1', '|i1': 'i1' } as const;
  if (!Object.hasOwn(element, descr)) {
    const known = 'float32, float64, uint8 and int8, little-endian';
    throw inputError(name, `holds numbers of the type '${descr}', expected ${known}`);
  }
  const type = element[descr as keyof typeof element];
  return { rows, columns, element: type, isRowCounted: false };
}

async function readCoolvec(reader: ByteReader, name: string): Promise<VectorHeader> {
  const header = await readExactly(reader, COOLVEC_BYTES, name, 'coolvec');
  if (!header.subarray(0, 8).equals(COOLVEC_MAGIC)) {
    throw inputError(name, 'not coolvec: it does not begin with COOLVEC');
  }
  const [version, type] = [header.readUInt32LE(8), header.readUInt32LE(28)];
  if (version !== 1 || type !== 0) {
    throw inputError(name, `has version ${version} and type ${type}, expected version 1, type 0`);
  }
  const rows = Number(header.readBigUInt64LE(12));
  const columns = Number(header.readBigUInt64LE(20));
  return { rows, columns, element: 'f4', isRowCounted: false };
}

async function readExactly(
  reader: ByteReader,
  length: number,
  name: string,
  kind: VectorFileKind,
): Promise<Buffer> {
  const bytes = Buffer.from(await reader.read(length));
  if (bytes.length === length) return bytes;
  throw inputError(
    name,
    `not ${kind}: ${bytes.length} bytes, shorter than the header of ${length}`,
  );
}
