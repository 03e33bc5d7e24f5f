/**
 * The lists in memory against the simplest thing that could be right: a Map. Whatever is loaded, written,
 * pinned, dropped or taken away, and whether memory is called scarce meanwhile, a list that is asked for is
 * the newest one.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ListCache } from '../../src/hnsw/list-cache.ts';
import type { NeighbourSource } from '../../src/hnsw/sources.ts';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import { createKernels } from '../../src/kernels/kernels.ts';
import { FRAME_SIZE } from '../../src/kernels/layout.ts';
import { createSpace } from '../../src/kernels/space.ts';

const NODES = 8000;
const SLOTS_PER_PAGE = 8;

type Operation =
  | { do: 'load'; layer: number; node: number; count: number; isPage: boolean }
  | { do: 'write'; layer: number; node: number; keep: boolean }
  | { do: 'commit' | 'toggle' }
  | { do: 'roll back'; layer: number; node: number }
  | { do: 'drop page'; page: number };

const layer = fc.constantFrom(0, 0, 0, 1);
const node = fc.nat(NODES - 1);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('load'),
      layer,
      node,
      count: fc.nat(300),
      isPage: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('write'), layer, node, keep: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('commit', 'toggle') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('roll back'), layer, node }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('drop page'),
      page: fc.nat(NODES / SLOTS_PER_PAGE - 1),
    }),
  },
);

/** What the store has of a node that was never written. */
function listOf(layer: number, node: number): Uint32Array {
  return Uint32Array.from({ length: (node + layer) % 9 }, (_, i) => node + i + 1);
}

class Subject {
  isScarce = false;
  readonly allocator: CellAllocator;
  readonly cache: ListCache;
  readonly #stored = new Map<string, Uint32Array>();
  /** Written and not committed, by key. */
  readonly #planned = new Map<string, { layer: number; node: number; list: Uint32Array }>();

  constructor() {
    const kernels = createKernels(10 * FRAME_SIZE);
    const { memory } = kernels;
    this.allocator = new CellAllocator(memory, memory.heapBase, memory.buffer.byteLength);
    const geometry = {
      slots: 'sq8',
      slotsPerPage: SLOTS_PER_PAGE,
      pageMagic: 0,
      pageShift: 3,
    } as const;
    const strides = { codeStride: 32, codeSlotsOffset: 16, originalStride: 68 };
    const shape = { dimension: 16, metric: 'l2', capBottom: 32, capUpper: 16 } as const;
    const options = { ...shape, geometry: { ...geometry, ...strides } };
    const space = createSpace(kernels, this.allocator, options);
    const read = (layer: number, node: number, into: Uint32Array): number => {
      const list = this.#stored.get(`${layer}:${node}`) ?? listOf(layer, node);
      into.set(list);
      return list.length;
    };
    const readRange: NeighbourSource['readRange'] = (first, last, into, take) => {
      for (let node = first; node <= last; node++) take(node, read(0, node, into));
    };
    const source = { read, readRange };
    this.cache = new ListCache(kernels, this.allocator, space, source, () => this.isScarce);
  }

  load(layer: number, node: number, isPage = false): void {
    const key = `${layer}:${node}`;
    const list = this.#planned.get(key)?.list ?? this.#stored.get(key) ?? listOf(layer, node);
    const at = isPage ? this.cache.loadPage(layer, node) : this.cache.load(layer, node);
    expect([...this.cache.idsAt(at)]).toEqual([...list]);
  }

  /** As a plan does it: in memory and pinned, not in the store. */
  write(layer: number, node: number): void {
    const list = listOf(layer, node + this.#stored.size + 1);
    this.cache.fill(this.cache.create(layer, node), list);
    this.cache.pin(layer, node);
    this.#planned.set(`${layer}:${node}`, { layer, node, list });
  }

  commit(): void {
    for (const [key, { layer, node, list }] of this.#planned) {
      this.#stored.set(key, list);
      this.cache.unpin(layer, node);
    }
    this.#planned.clear();
  }

  rollback(): void {
    for (const { layer, node } of this.#planned.values()) {
      this.cache.unpin(layer, node);
      this.cache.drop(layer, node);
    }
    this.#planned.clear();
  }

  run(operation: Operation): void {
    if (operation.do === 'load') {
      const { layer, node, count, isPage } = operation;
      for (let i = 0; i < count; i++) this.load(layer, (node + 7 * i) % NODES, isPage);
      this.load(layer, node);
    } else if (operation.do === 'write') {
      this.write(operation.layer, operation.node);
      if (!operation.keep) this.commit();
    } else if (operation.do === 'roll back') {
      this.commit();
      this.write(operation.layer, operation.node);
      this.rollback();
    } else if (operation.do === 'drop page') {
      this.commit();
      this.cache.dropPage(operation.page);
      const { page } = operation;
      for (let slot = 0; slot < SLOTS_PER_PAGE; slot++) {
        expect(this.cache.find(0, page * SLOTS_PER_PAGE + slot)).toBe(0);
      }
    } else if (operation.do === 'toggle') this.isScarce = !this.isScarce;
    else this.commit();
  }
}

test('a list that is asked for is the newest, however it is held', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), fc.boolean(), (operations, isScarce) => {
      const subject = new Subject();
      subject.isScarce = isScarce;
      for (const each of operations) subject.run(each);
      for (let node = 0; node < NODES; node += 13) subject.load(node % 5 === 0 ? 1 : 0, node);
      subject.commit();
      subject.cache.release();
      const { lists = 0, 'upper lists': upper = 0 } = subject.allocator.stats().cellBytes;
      expect([lists, upper]).toEqual([0, 0]);
    }),
    { numRuns: 60 },
  );
});

test('little memory holds more of the lists that are used when they are single', () => {
  const held = (isScarce: boolean): number => {
    const subject = new Subject();
    subject.isScarce = isScarce;
    for (let node = 0; node < NODES; node += SLOTS_PER_PAGE) subject.load(0, node);
    let count = 0;
    for (let node = 0; node < NODES; node++) if (subject.cache.find(0, node) !== 0) count++;
    return count;
  };
  expect(held(true)).toBe(NODES / SLOTS_PER_PAGE);
  expect(held(false)).toBeLessThan((0.8 * NODES) / SLOTS_PER_PAGE);
});

test('who links nodes brings all lists of a page along, where lists are held by page', () => {
  const together = (isScarce: boolean, isPage: boolean): number => {
    const subject = new Subject();
    subject.isScarce = isScarce;
    subject.load(0, 8 * SLOTS_PER_PAGE + 3, isPage);
    let count = 0;
    for (let node = 0; node < NODES; node++) if (subject.cache.find(0, node) !== 0) count++;
    return count;
  };
  expect(together(false, true)).toBe(SLOTS_PER_PAGE);
  expect(together(false, false)).toBe(1);
  expect(together(true, true)).toBe(1);
});

test('what a plan has written stays when its page is brought in', () => {
  for (const isScarce of [false, true]) {
    const subject = new Subject();
    subject.isScarce = isScarce;
    subject.write(0, 3);
    subject.isScarce = false;
    subject.load(0, 4, true);
    subject.load(0, 3);
    subject.rollback();
    subject.load(0, 3);
  }
});
