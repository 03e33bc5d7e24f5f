/**
 * Random inserts, ghosts, commits and rollbacks, in little and in much memory: the graph stays sound,
 * reaches every living node, and a wide search finds exactly the living ones.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { World } from './world.ts';

type Operation =
  | { do: 'add'; vector: number[]; layer: number }
  | { do: 'ghost'; which: number }
  | { do: 'commit' }
  | { do: 'rollback' };

const coordinate = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.float({ noNaN: true, min: -100, max: 100 }) },
);

const operation = (dimension: number): fc.Arbitrary<Operation> =>
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant('add' as const),
        vector: fc.array(coordinate, { minLength: dimension, maxLength: dimension }),
        layer: fc.nat(30).map((n) => (n < 25 ? 0 : n - 24 > 3 ? 1 : n - 24)),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('ghost' as const), which: fc.nat(999) }) },
    { weight: 2, arbitrary: fc.constant({ do: 'commit' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'rollback' as const }) },
  );

function apply(world: World, op: Operation): void {
  if (op.do === 'commit') world.commit();
  else if (op.do === 'rollback') world.rollback();
  else if (op.do === 'add') world.add(Float32Array.from(op.vector), op.layer);
  else {
    const living = livingNodes(world);
    if (living.length > 0) world.makeGhost(living[op.which % living.length]);
  }
}

function livingNodes(world: World): number[] {
  return [...world.nodes].filter(([, { isLiving }]) => isLiving).map(([node]) => node);
}

test('random plans leave a sound graph in which every living node is found', async () => {
  const dimension = 3;
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation(dimension), { minLength: 50, maxLength: 250 }),
      fc.constantFrom(12, 64),
      fc.constantFrom('l2' as const, 'cosine' as const, 'dot' as const),
      fc.constantFrom('sq8' as const, 'vectors' as const),
      async (operations, frames, metric, slots) => {
        const world = new World({ dimension, frames, metric, slots, m: 4, efConstruction: 16 });
        for (const op of operations) apply(world, op);
        world.commit();
        const living = livingNodes(world);
        const report = await world.graph.check();
        expect(report.problems).toEqual([]);
        expect(report.nodes).toBe(world.nodes.size);
        expect(report.living).toBe(living.length);
        expect(report.reachable).toBe(1);
        const query = Float32Array.of(1, 2, 3);
        const { nodes } = await world.graph.searchExact(query, { k: 300 });
        expect([...nodes].sort((a, b) => a - b)).toEqual(living.sort((a, b) => a - b));
      },
    ),
    { numRuns: 300 },
  );
});
