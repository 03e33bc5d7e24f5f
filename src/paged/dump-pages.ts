/** The pages of a vector space for people: slots, places, and whether each slice passes its checksum. */
import { isDatabaseError } from '../errors.ts';
import type { BitGeometry } from './bit-geometry.ts';
import { type Geometry, UNIT_SIZE } from './geometry.ts';
import type { PageFile } from './page-file.ts';
import {
  BITS_CENTROID,
  BITS_END,
  decodePlace,
  decodePlaces,
  OPEN_PAGES,
  type Place,
} from './page-map.ts';
import { countBits, decodeStates } from './slot-states.ts';

/** An entry of the tree `pages` of one space. */
export interface PageEntry {
  readonly lo: number;
  readonly value: Uint8Array;
}

/** Line by line, in the order of `entries`, which are those of one space. Damage is shown in its place. */
export function* dumpPages(
  entries: Iterable<PageEntry>,
  geometry: Geometry,
  file: PageFile,
): Generator<string> {
  const { slotsPerPage, codeSliceBytes, originalSliceBytes } = geometry;
  yield `${slotsPerPage} slots a page, code slices of ${codeSliceBytes} bytes, originals ${originalSliceBytes}`;
  for (const { lo, value } of entries) {
    const page = Math.floor(lo / 2);
    if (page === OPEN_PAGES) {
      const what = lo % 2 === 1 ? 'open pages' : 'end of placed pages';
      yield `${what}: ${value.length} bytes`;
    } else if (lo % 2 === 1) {
      yield `page ${page} slots: ${guarded(() => describeStates(value, slotsPerPage, file.path))}`;
    } else {
      yield `page ${page} places: ${guarded(() => describePlaces(value, geometry, file))}`;
    }
  }
}

/** As `dumpPages`, for the entries of the space's 1-bit codes. */
export function* dumpBits(
  entries: Iterable<PageEntry>,
  { sliceBytes, slotsPerPage, count }: BitGeometry,
  file: PageFile,
): Generator<string> {
  yield `${slotsPerPage} slots a bit page, ${count} bits each, slices of ${sliceBytes} bytes`;
  for (const { lo, value } of entries) {
    if (lo === BITS_CENTROID || lo === BITS_END) {
      const what = lo === BITS_END ? 'end of placed bit pages' : 'centroid';
      yield `${what}: ${value.length} bytes`;
    } else {
      const place = (): string =>
        describeSlice('bits', decodePlace(value, file.path), sliceBytes, file);
      yield `bit page ${lo}: ${guarded(place)}`;
    }
  }
}

function describeStates(value: Uint8Array, slots: number, path: string): string {
  const states = decodeStates(value, slots, path);
  const used = countBits(states.used);
  return `${used} used, ${countBits(states.live)} live, ${states.ghosts.size} ghosts`;
}

function describePlaces(value: Uint8Array, geometry: Geometry, file: PageFile): string {
  const { codes, originals } = decodePlaces(value, file.path);
  const first = describeSlice('codes', codes, geometry.codeSliceBytes, file);
  return `${first}; ${describeSlice('originals', originals, geometry.originalSliceBytes, file)}`;
}

function describeSlice(
  name: string,
  place: Place | undefined,
  bytes: number,
  file: PageFile,
): string {
  if (place === undefined) return `no ${name}`;
  const state = guarded(() => {
    file.readSlice(place, new Uint8Array(bytes));
    return 'whole';
  });
  return `${name} in ${bytes / UNIT_SIZE} units from ${place.unit}, ${state}`;
}

function guarded(run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    return `DAMAGED ${error.message}`;
  }
}
