import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CorruptionError } from '../../src/errors.ts';
import {
  countBits,
  decodeStates,
  encodeStates,
  hasBit,
  SlotStates,
} from '../../src/paged/slot-states.ts';

const sequence = fc.maxSafeNat();
/** undefined: free, 'live', or the sequence of a ghost. */
const slotState = fc.oneof(fc.constant(undefined), fc.constant('live' as const), sequence);
const slotList = fc.array(slotState, { minLength: 1, maxLength: 100 });

function statesOf(slots: (number | 'live' | undefined)[]): SlotStates {
  const states = new SlotStates(Math.ceil(slots.length / 32));
  slots.forEach((state, slot) => {
    if (state === undefined) return;
    states.reserve(slot);
    states.setLive(slot);
    if (state !== 'live') states.setGhost(slot, state);
  });
  return states;
}

test('states survive a round trip', () => {
  fc.assert(
    fc.property(slotList, (slots) => {
      const decoded = decodeStates(encodeStates(statesOf(slots), slots.length), slots.length, 'f');
      slots.forEach((state, slot) => {
        expect(decoded.isUsed(slot)).toBe(state !== undefined);
        expect(decoded.isLive(slot)).toBe(state === 'live');
        expect(decoded.ghosts.get(slot)).toBe(typeof state === 'number' ? state : undefined);
      });
    }),
  );
});

test('any bytes are states or corruption', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 1, max: 70 }),
      (bytes, slots) => {
        try {
          expect(encodeStates(decodeStates(bytes, slots, 'f'), slots)).toEqual(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptionError);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('the lowest free slot is found, and none beyond the page', () => {
  fc.assert(
    fc.property(slotList, (slots) => {
      expect(statesOf(slots).freeSlot(slots.length)).toBe(slots.indexOf(undefined));
    }),
  );
});

test('bits are counted and tested', () => {
  fc.assert(
    fc.property(fc.uint32Array({ minLength: 1, maxLength: 4 }), (words) => {
      const bits = Array.from({ length: words.length * 32 }, (_, i) => hasBit(words, i));
      expect(countBits(words)).toBe(bits.filter(Boolean).length);
      expect(
        words.map((_, w) =>
          bits.slice(w * 32, w * 32 + 32).reduce((sum, bit, i) => sum + (bit ? 2 ** i : 0), 0),
        ),
      ).toEqual(words);
    }),
  );
});

test('a state that was reserved and never put is not encoded', () => {
  const states = new SlotStates(1);
  states.reserve(3);
  expect(() => encodeStates(states, 8)).toThrow('live or a ghost');
});
