import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CorruptionError } from '../../src/errors.ts';
import { OPEN_PAGES_MAX, OpenPages } from '../../src/paged/open-pages.ts';

const note = fc.record({ page: fc.nat(100), free: fc.nat(5) });

function list(open: OpenPages): [page: number, free: number][] {
  return Array.from({ length: open.count }, (_, i) => [open.at(i), open.free(open.at(i))]);
}

test('open pages are those noted with free slots; beyond the limit the emptiest', () => {
  fc.assert(
    fc.property(fc.array(note, { maxLength: 300 }), (notes) => {
      const open = new OpenPages();
      const model = new Map<number, number>();
      for (const { page, free } of notes) {
        open.note(page, free);
        if (free === 0) model.delete(page);
        else if (model.has(page) || model.size < OPEN_PAGES_MAX) model.set(page, free);
        else {
          const [fullest, least] = [...model].reduce((a, b) => (b[1] < a[1] ? b : a));
          if (least < free) {
            model.delete(fullest);
            model.set(page, free);
          }
        }
        expect(list(open)).toEqual([...model]);
      }
      const copy = new OpenPages();
      copy.decode(open.encode(), 'f');
      expect(list(copy)).toEqual(list(open));
    }),
  );
});

test('a full list drops its fullest page, but not for a fuller one', () => {
  const open = new OpenPages();
  for (let page = 0; page < OPEN_PAGES_MAX; page++) open.note(page, page === 7 ? 2 : 3);
  open.note(100, 1);
  open.note(101, 2);
  expect([open.free(7), open.free(100), open.free(101)]).toEqual([2, 0, 0]);
  open.note(102, 3);
  expect([open.free(7), open.free(102), open.count]).toEqual([0, 3, OPEN_PAGES_MAX]);
});

test('what was saved comes back', () => {
  fc.assert(
    fc.property(fc.array(note), fc.array(note), (before, after) => {
      const open = new OpenPages();
      for (const { page, free } of before) open.note(page, free);
      const saved = list(open);
      open.save();
      for (const { page, free } of after) open.note(page, free);
      open.restore();
      expect(list(open)).toEqual(saved);
    }),
  );
});

test('any bytes are open pages or corruption', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      try {
        new OpenPages().decode(bytes, 'f');
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptionError);
      }
    }),
    { numRuns: 1000 },
  );
});
