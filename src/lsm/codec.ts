/**
 * Compression of single blocks. LZ4 comes from `lz4-napi`, a native package, loaded on first use; where
 * it cannot load, blocks are written as they are, and opening a compressed one says what to install.
 */
import { createRequire } from 'node:module';
import { CorruptionError, DatabaseError, type Location } from '../errors.ts';

/** How a block's bytes are stored; the number is the byte in the file. */
export const CODEC_NONE = 0;
export const CODEC_LZ4 = 1;

export type CodecName = 'none' | 'lz4';

interface Lz4 {
  /** Puts the raw length, u32 little-endian, in front. */
  compressSync(data: Buffer): Uint8Array;
  uncompressSync(data: Uint8Array): Uint8Array;
}

/** Undefined until first asked for, null where the package cannot load. */
let lz4: Lz4 | null | undefined;

function loadLz4(): Lz4 | null {
  if (lz4 === undefined) {
    try {
      lz4 = createRequire(import.meta.url)('lz4-napi') as Lz4;
    } catch {
      lz4 = null;
    }
  }
  return lz4;
}

/** LZ4 cannot make a byte out of more than this many (a match length grows by 255 a byte). */
const RATIO_MAX = 255;
/** The raw length in front of the compressed bytes. */
const HEAD_SIZE = 4;

/** The compressed bytes, or undefined unless they save at least an eighth. */
export function compressLz4(raw: Uint8Array): Uint8Array | undefined {
  const codec = loadLz4();
  if (codec === null) return undefined;
  const packed = codec.compressSync(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength));
  return packed.length <= raw.length - (raw.length >>> 3) ? packed : undefined;
}

/** The raw bytes. `location` is where the compressed ones came from. */
export function uncompressLz4(packed: Uint8Array, location: Location): Uint8Array {
  const codec = loadLz4();
  if (codec === null) {
    throw new DatabaseError(
      'UNSUPPORTED_FORMAT',
      `${location.file} holds LZ4 blocks and lz4-napi cannot be loaded: install lz4-napi`,
    );
  }
  const rawLength = lz4RawLength(packed);
  if (rawLength > RATIO_MAX * packed.length) {
    throw new CorruptionError('impossible length of a compressed block', location);
  }
  let raw: Uint8Array;
  try {
    raw = codec.uncompressSync(packed);
  } catch (cause) {
    throw new CorruptionError('compressed block does not unpack', location, { cause });
  }
  if (raw.length !== rawLength) throw new CorruptionError('compressed block is short', location);
  return raw;
}

/** Infinity when there is not even a length. */
function lz4RawLength(packed: Uint8Array): number {
  if (packed.length < HEAD_SIZE) return Number.POSITIVE_INFINITY;
  return (packed[0] | (packed[1] << 8) | (packed[2] << 16) | (packed[3] << 24)) >>> 0;
}
