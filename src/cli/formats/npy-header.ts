/**
 * The header of NumPy's `.npy` files (numpy.lib.format): magic, version, length, then a Python dictionary
 * as text, padded with spaces to a multiple of 64.
 *
 *   0x93 'NUMPY'  u8 major  u8 minor  u16 (major 1) or u32 length  {'descr': '<f4', 'fortran_order': False, 'shape': (3, 8), }
 */
import { inputError } from '../command-error.ts';
import type { ByteReader } from './byte-reader.ts';

export interface NpyHeader {
  /** As `<f4`. */
  readonly descr: string;
  readonly rows: number;
  readonly columns: number;
}

const MAGIC = Buffer.from('\u0093NUMPY', 'latin1');
const HEADER_BYTES_MAX = 65_536;
const ALIGNMENT = 64;
/** Room for any number of rows: the header is rewritten when they are known. */
const WRITTEN_BYTES = 128;

/** Reads the header of a two-dimensional array in C order; what else there is in an .npy is refused. */
export async function readNpyHeader(reader: ByteReader, name: string): Promise<NpyHeader> {
  const start = Buffer.from(await reader.read(8));
  if (start.length < 8 || !start.subarray(0, 6).equals(MAGIC)) {
    throw inputError(name, 'not npy: it does not begin with the magic of NumPy');
  }
  const lengthBytes = start[6] === 1 ? 2 : 4;
  const counted = Buffer.from(await reader.read(lengthBytes));
  const length = counted.length < lengthBytes ? 0 : counted.readUIntLE(0, lengthBytes);
  const text = Buffer.from(await reader.read(Math.min(length, HEADER_BYTES_MAX))).toString(
    'latin1',
  );
  if (length === 0 || length > HEADER_BYTES_MAX || text.length < length) {
    throw inputError(name, 'not npy: its header ends early');
  }
  return parseNpyHeader(text, name);
}

function parseNpyHeader(text: string, name: string): NpyHeader {
  const descr = /'descr'\s*:\s*'([^']*)'/u.exec(text)?.[1];
  const isFortran = /'fortran_order'\s*:\s*True/u.test(text);
  const shape = /'shape'\s*:\s*\(([^)]*)\)/u.exec(text)?.[1];
  if (descr === undefined || shape === undefined) {
    throw inputError(name, 'not npy: its header names no descr and shape of one array');
  }
  if (isFortran)
    throw inputError(name, 'is in Fortran order; save it with numpy.ascontiguousarray');
  const sizes = shape.split(',').filter((size) => size.trim() !== '');
  if (sizes.length !== 2) {
    throw inputError(name, `has the shape (${shape}), expected (rows, columns)`);
  }
  const [rows, columns] = sizes.map(Number);
  if (!Number.isSafeInteger(rows) || !Number.isSafeInteger(columns) || rows < 0) {
    throw inputError(name, `not npy: its shape is (${shape})`);
  }
  return { descr, rows, columns };
}

/** The header of float32 rows: always of the same length, so that it can be rewritten. */
export function encodeNpyHeader(rows: number, columns: number): Uint8Array {
  const fields = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const header = Buffer.alloc(WRITTEN_BYTES, ' ');
  MAGIC.copy(header);
  header.set([1, 0], 6);
  header.writeUInt16LE(WRITTEN_BYTES - 10, 8);
  header.write(fields, 10, 'latin1');
  header[WRITTEN_BYTES - 1] = 0x0a;
  return header;
}

/** Bytes of what `encodeNpyHeader` gives; a multiple of the alignment that NumPy asks for. */
export const NPY_HEADER_BYTES: number = Math.ceil(WRITTEN_BYTES / ALIGNMENT) * ALIGNMENT;
