import { expect, test } from 'vitest';
import { choosePage, NEW_PAGE, type PlaceView } from '../../src/paged/place-policy.ts';

interface Scene {
  /** Free slots by page; pages not named are full. */
  free?: Record<number, number>;
  /** Open pages, oldest first. */
  open?: number[];
  sections?: Record<number, number>;
  isSparse?: boolean;
  isOpenFull?: boolean;
  random?: number;
}

function view({ free = {}, open = [], sections = {}, ...rest }: Scene): PlaceView {
  return {
    freeSlots: (page) => free[page] ?? 0,
    sectionPage: (section) => sections[section] ?? -1,
    openPages: { count: open.length, at: (i) => open[i] },
    isOpenFull: rest.isOpenFull ?? false,
    isSparse: rest.isSparse ?? false,
    random: () => rest.random ?? 0,
  };
}

test('affinity takes the nearest neighbour whose page has room', () => {
  expect(choosePage('affinity', [4, 2, 3], view({ free: { 2: 1, 3: 5 } }))).toBe(2);
});

test('affinity then takes the open page of the section of the nearest neighbour', () => {
  const scene = { free: { 9: 1 }, open: [9], sections: { 4: 9 } };
  expect(choosePage('affinity', [4, 2], view(scene))).toBe(9);
  expect(choosePage('affinity', [2, 4], view(scene))).toBe(NEW_PAGE);
});

test('affinity opens a page otherwise, unless the space is sparse', () => {
  const scene = { free: { 7: 1, 8: 1 }, open: [7, 8] };
  expect(choosePage('affinity', [4], view(scene))).toBe(NEW_PAGE);
  expect(choosePage('affinity', [4], view({ ...scene, isSparse: true }))).toBe(8);
  expect(choosePage('affinity', [4], view({ isSparse: true }))).toBe(NEW_PAGE);
});

test('section looks at the page of the nearest neighbour only', () => {
  expect(choosePage('section', [4, 2], view({ free: { 2: 1 } }))).toBe(NEW_PAGE);
  expect(choosePage('section', [4, 2], view({ free: { 4: 1 } }))).toBe(4);
  expect(choosePage('section', [4], view({ free: { 9: 1 }, sections: { 4: 9 } }))).toBe(9);
  expect(choosePage('section', [4], view({ open: [3], isSparse: true }))).toBe(3);
});

test('append takes the page opened last', () => {
  expect(choosePage('append', [4], view({ open: [3, 6], free: { 4: 3 } }))).toBe(6);
  expect(choosePage('append', [4], view({ free: { 4: 3 } }))).toBe(NEW_PAGE);
});

test('random opens pages until the list is full, then draws one', () => {
  expect(choosePage('random', [], view({}))).toBe(NEW_PAGE);
  expect(choosePage('random', [], view({ open: [1, 2, 3], random: 0.9 }))).toBe(NEW_PAGE);
  expect(choosePage('random', [], view({ open: [1, 2, 3], random: 0.9, isSparse: true }))).toBe(3);
  expect(choosePage('random', [], view({ open: [1, 2, 3], random: 0.4, isOpenFull: true }))).toBe(
    2,
  );
});
