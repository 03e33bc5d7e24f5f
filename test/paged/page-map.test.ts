import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CorruptionError } from '../../src/errors.ts';
import { decodePlaces, encodePlaces, OPEN_PAGES, pageKey } from '../../src/paged/page-map.ts';

const u32 = fc.nat(2 ** 32 - 1);
const place = fc.record({ unit: u32, checksum: u32 });
const optional = fc.option(place, { nil: undefined });
const places = fc.record({ codes: place, originals: optional });

test('places survive a round trip, whichever columns a page has', () => {
  fc.assert(
    fc.property(places, (given) => {
      expect(decodePlaces(encodePlaces(given), 'data.pages')).toEqual(given);
    }),
  );
});

test('a column that is absent takes no bytes', () => {
  const codes = { unit: 3, checksum: 4 };
  const bytes = encodePlaces({ codes, originals: undefined });
  expect([...bytes]).toEqual([1, 3, 0, 0, 0, 4, 0, 0, 0]);
});

test('any bytes are places or corruption', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      try {
        expect(encodePlaces(decodePlaces(bytes, 'f'))).toEqual(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptionError);
      }
    }),
    { numRuns: 1000 },
  );
});

test('entries of a page are neighbours in key order', () => {
  expect(pageKey(5, 'places')).toBe(10);
  expect(pageKey(5, 'states')).toBe(11);
  expect(pageKey(OPEN_PAGES, 'states')).toBe(0xffffffff);
});
