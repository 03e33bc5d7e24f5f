/**
 * Paged spaces against a Map: vectors are put, become ghosts, are rolled back, written, evicted and
 * recovered; after each step every vector is read as it was given and `check` finds nothing.
 *
 * Pages are small (five slots) and memory is scarce (about twenty pages), so that pages are opened, loaded,
 * copied on write and evicted all the time.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { DatabaseError } from '../../src/errors.ts';
import type { SlotKind } from '../../src/kernels/space.ts';
import type { PagedSpace } from '../../src/paged/paged-space.ts';
import type { PlacePolicy } from '../../src/paged/place-policy.ts';
import type { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { Disk, Harness, isSame, newFileSystem, type Vector } from './harness.ts';

const dimension = 768;
const memoryBytes = 14 * 65536;
const spaces = 2;

const policy = fc.constantFrom<PlacePolicy>('affinity', 'section', 'append', 'random');
const change = fc.record({
  space: fc.nat(spaces - 1),
  inserts: fc.nat(9),
  ghosts: fc.nat(4),
  policy,
  seed: fc.nat(10_000),
});
const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('commit' as const), change }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rollback' as const), change }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('checkpoint' as const), during: change, late: change }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fail' as const), during: change, late: change }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('evict' as const, 'reopen' as const, 'crash' as const),
    }),
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

interface Known {
  readonly vector: Vector;
  readonly isLive: boolean;
}

interface Kind {
  readonly name: string;
  readonly originals: boolean;
  readonly bits: boolean;
  readonly slots: SlotKind;
}

class Run {
  readonly model = Array.from({ length: spaces }, () => new Map<number, Known>());
  readonly disk = new Disk();
  readonly originals: boolean;
  readonly bits: boolean;
  readonly slots: SlotKind;
  fileSystem: MemoryFileSystem = newFileSystem();
  harness: Harness;

  constructor({ originals, bits, slots }: Kind) {
    this.slots = slots;
    this.originals = originals;
    this.bits = bits;
    this.harness = this.#open();
  }

  #open(bytes = memoryBytes): Harness {
    const { disk, fileSystem, originals, bits, slots } = this;
    const given = { disk, fileSystem, originals, bits, slots, memoryBytes: bytes };
    return new Harness({ ...given, dimension, spaces });
  }

  async apply(op: Operation): Promise<void> {
    switch (op.do) {
      case 'commit':
        return this.change(op.change, true);
      case 'rollback':
        return this.change(op.change, false);
      case 'checkpoint':
        return this.harness.checkpoint(
          () => this.change(op.during, true),
          () => this.change(op.late, true),
        );
      case 'fail':
        await this.harness
          .checkpoint(
            () => this.change(op.during, true),
            () => {
              this.change(op.late, true);
              throw new DatabaseError('IO', 'the version was not installed');
            },
          )
          .catch((error) => this.harness.store.failed(error));
        return;
      case 'evict':
        return this.harness.evictAll();
      case 'reopen':
      case 'crash':
        this.harness.store.close();
        this.fileSystem = this.fileSystem.crash(1, op.do === 'crash' ? 0.5 : 1);
        this.harness = await this.#recovered();
    }
  }

  /** Once with more memory, where what was written since the last checkpoint does not fit as it did. */
  async #recovered(): Promise<Harness> {
    try {
      return this.#open();
    } catch (error) {
      if (!isExhausted(error)) throw error;
      const large = this.#open(2 * memoryBytes);
      await large.checkpoint();
      large.store.close();
      return this.#open();
    }
  }

  /** One plan. Out of memory is a rollback. */
  change({ space, inserts, ghosts, policy, seed }: Change, isCommit: boolean): void {
    const paged = this.harness.spaces[space];
    const known = this.model[space];
    const random = seededRandom(seed);
    const before = image(paged);
    this.harness.begin();
    const next = new Map(known);
    const added: Vector[] = [];
    try {
      for (let i = 0; i < inserts; i++) {
        const nodes = [...next.keys()];
        const near = Array.from({ length: Math.min(nodes.length, 6) }, () => pick(nodes, random));
        const node = paged.place(Uint32Array.from(near), policy);
        expect(next.has(node)).toBe(false);
        const record = Math.floor(random() * 2 ** 32);
        const values = Float32Array.from({ length: dimension }, () => random() - 0.5);
        paged.put(node, record, values);
        next.set(node, { vector: { node, record, values }, isLive: true });
        added.push({ node, record, values });
      }
      for (let i = 0; i < ghosts; i++) {
        const living = [...next.values()].filter(({ isLive }) => isLive);
        if (living.length === 0) break;
        const { vector } = pick(living, random);
        paged.setGhost(vector.node, 1 + Math.floor(random() * 2 ** 50));
        next.set(vector.node, { vector, isLive: false });
      }
    } catch (error) {
      if (!isExhausted(error)) throw error;
      isCommit = false;
    }
    if (isCommit && this.#commits(added.map((vector) => ({ space, vector })))) {
      this.model[space] = next;
    } else {
      this.harness.rollback();
      const after = image(paged);
      expect(after.counters).toEqual(before.counters);
      for (const [page, bytes] of after.pages) {
        const old = before.pages.get(page);
        if (old !== undefined) expect(bytes.equals(old)).toBe(true);
        if (typeof page === 'number') expect(page).toBeLessThan(paged.counters.pages);
      }
    }
  }

  /** The training of bits may find no memory. */
  #commits(added: { space: number; vector: Vector }[]): boolean {
    try {
      this.harness.commit(added);
      return true;
    } catch (error) {
      if (!isExhausted(error)) throw error;
      return false;
    }
  }

  async verify(): Promise<void> {
    await this.#withRoom(async () => expect(await this.harness.problems()).toEqual([]));
    this.harness.spaces.forEach((paged, space) => {
      const known = [...this.model[space].values()];
      const live = known.filter(({ isLive }) => isLive).length;
      const counters = { nodes: known.length, live, ghosts: known.length - live };
      expect(paged.counters).toMatchObject(counters);
    });
    await this.#withRoom(async () => this.#verifyVectors());
  }

  /** As a database does: a checkpoint makes the dirty pages evictable. */
  async #withRoom(verify: () => Promise<void>): Promise<void> {
    try {
      await verify();
    } catch (error) {
      if (!isExhausted(error)) throw error;
      await this.harness.checkpoint();
      await verify();
    }
  }

  #verifyVectors(): void {
    this.harness.spaces.forEach((paged, space) => {
      for (const { vector, isLive } of this.model[space].values()) {
        const { node, record, values } = vector;
        expect(paged.isLive(node)).toBe(isLive);
        const read = paged.readVector(node);
        if (this.originals) expect(isSame(read, values)).toBe(true);
        else expect(distance(read, values)).toBeLessThan(0.1);
        expect(paged.recordOf(node)).toBe(record);
        if (paged.bits?.isReady)
          paged.loadBits(Math.floor(node / paged.bits.geometry.slotsPerPage));
      }
    });
  }
}

function isExhausted(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === 'RESOURCE_EXHAUSTED';
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)];
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, i) => value - b[i]));
}

/** Everything of a space that is in memory. */
function image(paged: PagedSpace): { counters: Buffer; pages: Map<string | number, Buffer> } {
  const pages = new Map<number | string, Buffer>();
  const { codes, originals } = paged.columns;
  const { bits } = paged;
  for (let i = 0; bits?.isReady && i < paged.counters.pages; i++) {
    const address = bits.column.peek(i);
    if (address !== 0) pages.set(`bits ${i}`, Buffer.from(bits.column.bytes(address).slice()));
  }
  for (let page = 0; page < paged.counters.pages + 4; page++) {
    const parts = [codes, originals].map((column) => {
      const address = column?.peek(page) ?? 0;
      return column === undefined || address === 0 ? undefined : column.bytes(address).slice();
    });
    const whole = parts.filter((part) => part !== undefined);
    if (whole.length === (originals === undefined ? 1 : 2)) pages.set(page, Buffer.concat(whole));
  }
  return { counters: Buffer.from(paged.exportCounters()), pages };
}

const kinds: Kind[] = [
  { name: 'with bits', originals: true, bits: true, slots: 'sq8' },
  { name: 'without originals', originals: false, bits: true, slots: 'sq8' },
  { name: 'without bits', originals: true, bits: false, slots: 'sq8' },
  { name: 'with vectors in its slots', originals: true, bits: false, slots: 'vectors' },
];

for (const kind of kinds) {
  test(`a paged space is a map of vectors, ${kind.name}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40, size: 'max' }), async (operations) => {
        const run = new Run(kind);
        for (const op of operations) {
          await run.apply(op);
          await run.verify();
        }
      }),
      { numRuns: kind === kinds[0] ? 25 : 8 },
    );
  });
}
