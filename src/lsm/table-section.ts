/**
 * How every part of a table file but the footer is stored: at a multiple of 8,
 *
 *   payload | u8 codec | u32 checksum
 *
 * The checksum covers payload and codec. Its seed mixes the file's number and the section's offset, so
 * that a section that the disk returns from another place, or another file, does not pass.
 */
import type { Hasher } from '../base/hasher.ts';
import { CorruptionError, type Location } from '../errors.ts';
import { CODEC_LZ4, CODEC_NONE, uncompressLz4 } from './codec.ts';

/** Bytes behind the payload. */
export const SECTION_TRAILER_SIZE = 5;
/** Sections start at multiples of it, so that typed arrays lie over what was read. */
export const SECTION_ALIGNMENT = 8;

/** The next multiple of 8 at or behind `position`. */
export function alignSection(position: number): number {
  return Math.ceil(position / SECTION_ALIGNMENT) * SECTION_ALIGNMENT;
}

function sectionSeed(number: number, offset: number): number {
  const unit = offset / SECTION_ALIGNMENT;
  const mixed = Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(unit + 1, 0x85ebca77);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** Writes codec and checksum behind the payload `bytes[start, end)` that will stand at `offset`. */
export function sealSection(
  bytes: Uint8Array,
  range: { readonly start: number; readonly end: number },
  place: { readonly number: number; readonly offset: number; readonly codec: number },
  hasher: Hasher,
): void {
  const { start, end } = range;
  bytes[end] = place.codec;
  const seed = sectionSeed(place.number, place.offset);
  const checksum = hasher.hash32(bytes.subarray(start, end + 1), seed);
  bytes[end + 1] = checksum;
  bytes[end + 2] = checksum >>> 8;
  bytes[end + 3] = checksum >>> 16;
  bytes[end + 4] = checksum >>> 24;
}

/**
 * The payload of a stored section, uncompressed. It may lie over `stored`, whose beginnings `view` gives
 * (callers may keep them). Without a hasher, which is a seeded bug, the checksum is not verified.
 */
export function openSection(
  stored: Uint8Array,
  number: number,
  location: Location,
  hasher: Hasher | undefined,
  view: (length: number) => Uint8Array = (length) => stored.subarray(0, length),
): Uint8Array {
  const end = stored.length - SECTION_TRAILER_SIZE;
  if (end < 0) throw new CorruptionError('section shorter than its trailer', location);
  const checksum =
    (stored[end + 1] |
      (stored[end + 2] << 8) |
      (stored[end + 3] << 16) |
      (stored[end + 4] << 24)) >>>
    0;
  const seed = sectionSeed(number, location.offset);
  if (hasher !== undefined && hasher.hash32(view(end + 1), seed) !== checksum) {
    throw new CorruptionError('checksum mismatch', location);
  }
  const payload = view(end);
  const codec = stored[end];
  if (codec === CODEC_NONE) return payload;
  if (codec === CODEC_LZ4) return uncompressLz4(payload, location);
  throw new CorruptionError('unknown codec', location);
}
