/** What a paged space is made of, and how the parts know each other. */
import { assert } from '../base/assert.ts';
import { type Random, seededRandom } from '../base/random.ts';
import type { Space } from '../kernels/space.ts';
import type { BitGeometry } from './bit-geometry.ts';
import { BitPages, type BitPagesOptions } from './bit-pages.ts';
import { makeColumn, makeColumns } from './columns.ts';
import type { Geometry } from './geometry.ts';
import { PageResidence } from './page-residence.ts';
import { PageStates } from './page-states.ts';
import type { PageStore } from './page-store.ts';
import { PlaceBook } from './place-book.ts';
import { PlaceCache } from './place-cache.ts';
import { PlaceGiver } from './place-giver.ts';
import { SlotWriter } from './slot-writer.ts';
import { type Columns, SpaceCheckpoint } from './space-checkpoint.ts';
import { VectorReader } from './vector-reader.ts';

export interface PagedSpaceOptions {
  /** The vector space's id in keys of the tree `pages`. */
  readonly id: number;
  /** Its descriptor; this space owns the cells in its directories of codes and originals. */
  readonly space: Space;
  readonly geometry: Geometry;
  readonly store: PageStore;
  /** Keep the vectors as given. False: they are decoded from their codes. Default: true. */
  readonly originals?: boolean | undefined;
  /** The space is to have 1-bit codes, too, which begin with `trainBits`. */
  readonly bits?: BitGeometry | undefined;
  /** For the policy `random`. Default: a generator seeded with `id`. */
  readonly random?: Random | undefined;
}

export interface SpaceParts {
  readonly columns: Columns;
  readonly checkpoint: SpaceCheckpoint;
  readonly states: PageStates;
  /** Undefined in a space that is to have none. */
  readonly bits: BitPages | undefined;
  readonly book: PlaceBook;
  readonly residence: PageResidence;
  readonly reader: VectorReader;
  readonly writer: SlotWriter;
  readonly places: PlaceGiver;
  readonly placeCache: PlaceCache;
}

/** Makes them, and registers the space with its store. Reads nothing. */
export function makeSpaceParts(options: PagedSpaceOptions): SpaceParts {
  const { id, space, geometry, store } = options;
  const { map, file } = store;
  const { memory } = store.kernels;
  const random = options.random ?? seededRandom(id);
  const columns = makeColumns(options);
  const book = new PlaceBook(geometry.slotsPerPage);
  const placeCache = new PlaceCache(memory, store.allocator);
  const shared = { geometry, columns, map, placeCache };
  const countPinned = (bytes: number): void => store.countPinned(bytes);
  const checkpoint = new SpaceCheckpoint({ id, book, countPinned, file, ...shared });
  const { codes } = columns;
  const states = new PageStates({ id, memory, codes, file: file.path, ...shared });
  const residence = new PageResidence({ columns, checkpoint, states, file });
  const reader = new VectorReader({ space, geometry, store, columns, checkpoint, residence });
  const writer = new SlotWriter({ space, geometry, store, columns, checkpoint, reader });
  const places = new PlaceGiver({ id, space, geometry, map, file, random, book, states });
  store.register(checkpoint);
  const bits = makeBits(options, {
    spaceId: id,
    space,
    geometry,
    store,
    book,
    states,
    residence,
    reader,
  });
  if (bits !== undefined) states.showElsewhere = (page, live) => bits.masks.show(page, live);
  return { columns, checkpoint, states, bits, book, residence, reader, writer, places, placeCache };
}

function makeBits(
  { bits, space, store }: PagedSpaceOptions,
  parts: Omit<BitPagesOptions, 'bits' | 'column'>,
): BitPages | undefined {
  if (bits === undefined) return undefined;
  assert(space.bits !== undefined, 'the descriptor of a space with bits has them');
  const column = makeColumn('bits', bits.sliceBytes, space.bits, store);
  return new BitPages({ ...parts, bits, column });
}
