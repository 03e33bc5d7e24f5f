import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IdList, setTo, toIdSet } from '../../src/lsm/id-set.ts';

// Short ones, and such as are sorted in another way.
const ids = fc.uint32Array({ maxLength: 200, max: 300, size: 'max' });

test('a list made of ids is the set of them, however many there are and whatever it was before', () => {
  const list = new IdList();
  fc.assert(
    fc.property(ids, (given) => {
      const before = given.slice();
      setTo(list, given);
      const expected = [...new Set(given)].sort((a, b) => a - b);
      expect([...list.ids.subarray(0, list.count)]).toEqual(expected);
      expect([...toIdSet(given)]).toEqual(expected);
      expect(given).toEqual(before);
    }),
  );
});
