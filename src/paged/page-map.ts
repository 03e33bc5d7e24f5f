/**
 * What the tree `pages` says of pages: its keys, and the places entry of a page. Slot states have a
 * file of their own (`slot-states.ts`), and so have the free units (`free-units.ts`).
 *
 *   key  hi = vector space, lo = page * 2      places of the page's slices
 *        hi = vector space, lo = page * 2 + 1  slot states
 *        hi = vector space, lo = 0xfffffffe    u32: pages from it on have no places (the page OPEN_PAGES does not exist)
 *        hi = vector space, lo = 0xffffffff    open pages of the space
 *        hi = 0x80000000 + vector space, lo = bit page       place of the slice with its 1-bit codes
 *        hi = 0x80000000 + vector space, lo = 0xfffffffe     centroid of the space, f32[dimension]
 *        hi = 0x80000000 + vector space, lo = 0xffffffff     u32: bit pages below it have places, the others none
 *        hi = 0xffffffff,   lo = chunk         free units of a chunk of the page file
 *        hi = 0xffffffff,   lo = 0xffffffff    units used in each chunk
 *
 * Places entry, little-endian, unaligned:
 *
 *   offset  size  field
 *        0     1  columns   bit 0: codes, bit 1: originals; the others are 0
 *        1     8  for each column present, in the order of the bits: u32 first unit, u32 checksum
 *
 * The place of a bit page is u32 first unit, u32 checksum.
 *
 * A slice is `unit * 4096` bytes from the start of the page file, as long as the geometry says, and its
 * checksum is xxHash32 seeded with the unit: a slice that was misplaced, or is older than its map entry,
 * does not pass.
 */
import { assert } from '../base/assert.ts';
import { CorruptionError } from '../errors.ts';

/** `places` and `states` are the two entries of a page. */
export type PagePart = 'places' | 'states';

/** `lo` of what is kept for the 1-bit codes of a space beside the places of bit pages. */
export const BITS_CENTROID = 0xfffffffe;
export const BITS_END = 0xffffffff;
/** `hi` of the 1-bit codes of a space; the id of a space is smaller. */
export function bitsHi(space: number): number {
  assert(space < BITS_HI_FIRST - 2, 'the id of a space leaves room for its bits');
  return BITS_HI_FIRST + space;
}

/** Reads entries of the tree `pages`; the database implements it. Bytes are borrowed until the next call. */
export interface PageMap {
  /** The entry of a page as of `sequence` (default: the newest applied), or undefined. */
  get(space: number, page: number, part: PagePart, sequence?: number): Uint8Array | undefined;
  /** What is kept for the 1-bit codes of a space: the place of a bit page, or BITS_*; newest applied. */
  getBits(space: number, lo: number): Uint8Array | undefined;
  /** The entry of a chunk of the free-unit map (FREE_UNITS_SUMMARY: the summary), newest applied. */
  getFreeUnits(chunk: number): Uint8Array | undefined;
}

/** One entry for the tree, as the checkpoint writes it. */
export interface TreeEntry {
  readonly tree: number;
  readonly hi: number;
  readonly lo: number;
  /** Undefined: the key is deleted. */
  readonly value: Uint8Array | undefined;
}

const BITS_HI_FIRST = 0x80000000;
/** `hi` of the free-unit map; no vector space has this id. */
export const FREE_UNITS_HI = 0xffffffff;
/** The chunk number under which the summary of the free-unit map is kept. */
export const FREE_UNITS_SUMMARY = 0xffffffff;
/** The page number under whose keys the open pages of a space, and the end of its placed ones, are kept. */
export const OPEN_PAGES = 0x7fffffff;

/** `lo` of the key of a page's entry; `hi` is the id of the vector space. */
export function pageKey(page: number, part: PagePart): number {
  assert(page <= OPEN_PAGES, 'a page number fits 31 bits');
  return page * 2 + (part === 'states' ? 1 : 0);
}

/** Whether `lo` is the key of a page's places. */
export function isPlacesKey(lo: number): boolean {
  return lo % 2 === 0 && lo !== OPEN_PAGES * 2;
}

/** Whether it is the key of the place of a bit page; then `spaceOfBits` is its space. */
export function isBitPlaceKey(hi: number, lo: number): boolean {
  return hi >= BITS_HI_FIRST && hi < FREE_UNITS_HI - 1 && lo < BITS_CENTROID;
}

export function spaceOfBits(hi: number): number {
  return hi - BITS_HI_FIRST;
}

/** Where one slice is, and the checksum of its bytes. */
export interface Place {
  readonly unit: number;
  readonly checksum: number;
}

/** Where the slices of a page are. A column that the page does not have is undefined. */
export interface Places {
  readonly codes: Place | undefined;
  readonly originals: Place | undefined;
}

const HAS_CODES = 1;
const HAS_ORIGINALS = 2;
const PLACE_SIZE = 8;

export function encodePlaces({ codes, originals }: Places): Uint8Array {
  const columns =
    (codes === undefined ? 0 : HAS_CODES) | (originals === undefined ? 0 : HAS_ORIGINALS);
  const present = [codes, originals].filter((place) => place !== undefined);
  const bytes = new Uint8Array(1 + PLACE_SIZE * present.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = columns;
  present.forEach(({ unit, checksum }, i) => {
    view.setUint32(1 + PLACE_SIZE * i, unit, true);
    view.setUint32(5 + PLACE_SIZE * i, checksum, true);
  });
  return bytes;
}

/** `file` only names the place in an error. */
export function decodePlaces(bytes: Uint8Array, file: string): Places {
  if (bytes.length === 0) throw new CorruptionError('empty places entry', { file, offset: 0 });
  const columns = bytes[0];
  if (columns > (HAS_CODES | HAS_ORIGINALS) || (columns & HAS_CODES) === 0) {
    throw new CorruptionError('places entry names unknown columns', { file, offset: 0 });
  }
  const end = columns === HAS_CODES ? 1 + PLACE_SIZE : 1 + 2 * PLACE_SIZE;
  if (bytes.length < end) {
    throw new CorruptionError('places entry ends early', { file, offset: bytes.length });
  }
  if (bytes.length > end) {
    throw new CorruptionError('places entry is too long', { file, offset: end });
  }
  const codes = placeAt(bytes, 1);
  return { codes, originals: columns === HAS_CODES ? undefined : placeAt(bytes, 1 + PLACE_SIZE) };
}

/** A cold search asks for hundreds: no view is made. */
function placeAt(bytes: Uint8Array, at: number): Place {
  return { unit: u32At(bytes, at), checksum: u32At(bytes, at + 4) };
}

function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** The place of a bit page as bytes. */
export function encodePlace({ unit, checksum }: Place): Uint8Array {
  const bytes = new Uint8Array(PLACE_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, unit, true);
  view.setUint32(4, checksum, true);
  return bytes;
}

/** `file` only names the place in an error. */
export function decodePlace(bytes: Uint8Array, file: string): Place {
  if (bytes.length !== PLACE_SIZE) {
    throw new CorruptionError('place of a bit page has another length', { file, offset: 0 });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { unit: view.getUint32(0, true), checksum: view.getUint32(4, true) };
}

/** A number of pages as bytes. */
export function encodeEnd(end: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, end, true);
  return bytes;
}

/** 0 without an entry. `what` and `file` name it in an error. */
export function decodeEnd(bytes: Uint8Array | undefined, what: string, file: string): number {
  if (bytes === undefined) return 0;
  if (bytes.length !== 4) throw new CorruptionError(`${what} is not a u32`, { file, offset: 0 });
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}
