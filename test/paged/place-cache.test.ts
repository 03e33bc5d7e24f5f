/** What is kept of places is what the tree says, or nothing. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import { createKernels } from '../../src/kernels/kernels.ts';
import { FRAME_SIZE } from '../../src/kernels/layout.ts';
import { permanentKind } from '../../src/kernels/size-class.ts';
import type { Place, Places } from '../../src/paged/page-map.ts';
import { PlaceCache } from '../../src/paged/place-cache.ts';

function create(frames: number): { allocator: CellAllocator; cache: PlaceCache } {
  const { memory } = createKernels((frames + 1) * FRAME_SIZE);
  const allocator = new CellAllocator(memory, memory.heapBase, memory.buffer.byteLength);
  return { allocator, cache: new PlaceCache(memory, allocator) };
}

const place: fc.Arbitrary<Place> = fc.record({
  unit: fc.oneof(fc.nat(), fc.constantFrom(0x7ffffffe, 0x7fffffff, 0x80000000, 0xffffffff)),
  checksum: fc.nat(0xffffffff),
});
const page = fc.nat(20_000);
const operation = fc.oneof(
  fc.record({
    do: fc.constant('keep' as const),
    page,
    places: fc.record({ codes: place, originals: fc.option(place, { nil: undefined }) }),
    isWhole: fc.boolean(),
  }),
  fc.record({ do: fc.constant('forget' as const), page }),
);

test('places come back as they were kept, until they are forgotten or evicted', () => {
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 200 }),
      fc.integer({ min: 1, max: 4 }),
      (ops, frames) => {
        const { cache } = create(frames);
        const kept = new Map<number, { places: Places; isWhole: boolean }>();
        for (const each of ops) {
          if (each.do === 'forget') {
            kept.delete(each.page);
            cache.forget(each.page);
            expect(cache.codes(each.page)).toBe(undefined);
            expect(cache.isWhole(each.page)).toBe(false);
          } else if (!kept.has(each.page)) {
            const { places, isWhole } = each;
            cache.keep(each.page, places, true);
            if (isWhole) cache.noteWhole(each.page);
            kept.set(each.page, { places, isWhole });
          }
        }
        for (const [page, { places, isWhole }] of kept) {
          const codes = cache.codes(page);
          if (codes !== undefined) expect(codes).toEqual(places.codes);
          const originals = cache.originals(page);
          if (originals !== undefined) expect(originals).toEqual(places.originals);
          if (cache.isWhole(page)) expect(isWhole).toBe(true);
        }
      },
    ),
  );
});

test('what fits memory is kept', () => {
  const { cache, allocator } = create(4);
  const codes = { unit: 7, checksum: 0xfffffff0 };
  for (let page = 0; page < 5000; page++) cache.keep(page, { codes, originals: undefined }, true);
  cache.noteWhole(4999);
  for (let page = 0; page < 5000; page++) {
    expect(cache.codes(page)).toEqual(codes);
    expect(cache.originals(page)).toBe(undefined);
    expect(cache.isWhole(page)).toBe(page === 4999);
  }
  cache.clear();
  expect(allocator.stats().cellBytes).toEqual({});
  expect(cache.codes(4999)).toBe(undefined);
});

test('a full memory keeps nothing, and a place is not kept at the cost of others unless that is allowed', () => {
  const { cache, allocator } = create(2);
  const codes = { unit: 7, checksum: 1 };
  const filler = permanentKind('filler', FRAME_SIZE);
  while (allocator.hasFree(filler)) allocator.allocate(filler, 0);
  cache.keep(1, { codes, originals: codes }, false);
  cache.keep(1, { codes, originals: codes }, true);
  expect(cache.codes(1)).toBe(undefined);

  const other = create(2);
  let evictions = 0;
  const tryEvict = (): boolean => ++evictions > 0;
  const guest = { name: 'guest', cellBytes: FRAME_SIZE, tryEvict };
  while (other.allocator.hasFree(guest)) other.allocator.allocate(guest, 0);
  other.cache.keep(1, { codes, originals: codes }, false);
  expect([evictions, other.cache.codes(1)]).toEqual([0, undefined]);
  other.cache.keep(1, { codes, originals: codes }, true);
  expect(other.cache.codes(1)).toEqual(codes);
  expect(evictions).toBe(1);
});

test('places that were used stay while the clock goes round for pages a few times', () => {
  const { cache, allocator } = create(4);
  const codes = { unit: 7, checksum: 1 };
  cache.keep(1, { codes, originals: undefined }, true);
  const pages = { name: 'pages', cellBytes: FRAME_SIZE / 8, tryEvict: () => true };
  for (let page = 0; page < 100; page++) allocator.allocate(pages, page);
  expect(cache.codes(1)).toEqual(codes);
  for (let page = 0; page < 1000; page++) allocator.allocate(pages, page);
  expect(cache.codes(1)).toBe(undefined);
});
