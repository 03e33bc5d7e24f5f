/**
 * The allocator against a list of who holds which bytes: whatever is asked, given back, used and pinned,
 * no two live cells or runs overlap, none leaves the range, pinned cells stay, and what was given back or
 * taken is forgotten by both sides.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import { FRAME_SIZE } from '../../src/kernels/layout.ts';
import type { CellKind } from '../../src/kernels/size-class.ts';
import { plainMemory } from './plain-memory.ts';

type Operation =
  | { do: 'allocate'; kind: number; pinned: boolean }
  | { do: 'free' | 'use' | 'unpin'; which: number }
  | { do: 'run'; frames: number };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('allocate'),
      kind: fc.nat(5),
      pinned: fc.nat(9).map((n) => n === 0),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('free', 'use', 'unpin'), which: fc.nat(1000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('run'), frames: fc.integer({ min: 1, max: 3 }) }),
  },
);

interface Held {
  readonly address: number;
  readonly bytes: number;
  readonly kind: CellKind | undefined;
  pinned: boolean;
  used: boolean;
}

const frames = 6;
const start = 8192;
const sizes = [64, 3696, 4096, 26_400, 40_960, 69_632];

class Model {
  readonly held = new Map<number, Held>();
  readonly allocator = new CellAllocator(
    plainMemory(start + frames * FRAME_SIZE + 100),
    start,
    start + frames * FRAME_SIZE + 100,
  );
  readonly kinds: readonly CellKind[] = sizes.map((cellBytes) => ({
    name: `${cellBytes}`,
    cellBytes,
    tryEvict: (tag, address) => this.#evict(tag, address),
  }));
  #nextTag = 0;

  #evict(tag: number, address: number): boolean {
    const held = this.held.get(tag)!;
    expect(held.address).toBe(address);
    const stays = held.pinned || held.used;
    held.used = false;
    if (!stays) this.held.delete(tag);
    return !stays;
  }

  apply(op: Operation): void {
    if (op.do === 'allocate') {
      const kind = this.kinds[op.kind];
      const tag = this.#nextTag++;
      this.#add(tag, kind, kind.cellBytes, op.pinned, () => this.allocator.allocate(kind, tag));
    } else if (op.do === 'run') {
      const bytes = op.frames * FRAME_SIZE - 5;
      this.#add(this.#nextTag++, undefined, bytes, true, () => this.allocator.allocateRun(bytes));
    } else if (this.held.size > 0) {
      const tag = [...this.held.keys()][op.which % this.held.size];
      const held = this.held.get(tag)!;
      if (op.do === 'use') held.used = true;
      else if (op.do === 'unpin') held.pinned = held.kind === undefined;
      else {
        this.held.delete(tag);
        if (held.kind === undefined) this.allocator.freeRun(held.address, held.bytes);
        else this.allocator.free(held.kind, held.address);
      }
    }
  }

  #add(
    tag: number,
    kind: CellKind | undefined,
    bytes: number,
    pinned: boolean,
    allocate: () => number,
  ): void {
    try {
      this.held.set(tag, { address: allocate(), bytes, kind, pinned, used: false });
    } catch (error) {
      expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
      // Everything that could go has gone: only what is pinned is left in the way.
      const pinnedBytes = [...this.held.values()].reduce((sum, h) => sum + (h.pinned ? 1 : 0), 0);
      expect(pinnedBytes + Math.ceil(bytes / FRAME_SIZE)).toBeGreaterThan(1);
    }
  }

  check(): void {
    const ranges = [...this.held.values()].sort((a, b) => a.address - b.address);
    let end = start;
    for (const { address, bytes } of ranges) {
      expect(address % 16).toBe(0);
      expect(address).toBeGreaterThanOrEqual(end);
      end = address + bytes;
    }
    expect(end).toBeLessThanOrEqual(start + frames * FRAME_SIZE);
  }
}

test('live cells and runs never overlap, and everything given back can be given again', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const model = new Model();
      for (const op of operations) {
        model.apply(op);
        model.check();
      }
      for (const held of model.held.values()) {
        if (held.kind === undefined) model.allocator.freeRun(held.address, held.bytes);
        else model.allocator.free(held.kind, held.address);
      }
      expect(model.allocator.stats()).toMatchObject({
        freeBytes: frames * FRAME_SIZE,
        runBytes: 0,
        cellBytes: {},
      });
    }),
  );
});

test('with nothing pinned a cell always finds room', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.boolean()), { maxLength: 400 }), (asked) => {
      const model = new Model();
      for (const [kind, isUsed] of asked) {
        const before = model.held.size;
        model.apply({ do: 'allocate', kind, pinned: false });
        const newest = [...model.held.keys()].at(-1)!;
        expect(model.held.get(newest)!.bytes).toBe(sizes[kind]);
        expect(model.held.size).toBeLessThanOrEqual(before + 1);
        model.held.get(newest)!.used = isUsed;
      }
      model.check();
    }),
  );
});
