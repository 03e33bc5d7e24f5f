/**
 * The contract of graph layouts: one trace of operations, under each layout, gives the same lists at every
 * step, in point reads and scans, whatever the engine does in between.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createGraphLayout,
  type EdgeBatch,
  type GraphLayoutName,
} from '../../../src/lsm/graph/graph-layout.ts';
import { type GraphEngine, GraphStore, NO_NODE } from '../../../src/lsm/graph/graph-store.ts';

/** What the suite needs of an engine. */
export interface LayoutEngine extends GraphEngine {
  /** A batch that `commit` applies. */
  newBatch(): EdgeBatch;
  commit(batch: EdgeBatch): Promise<void>;
  /** Does something that no reader may notice: a checkpoint, a compaction, a reopening. */
  shake(step: number): Promise<void>;
  close(): Promise<void>;
}

const TREE = 1;
/** Of the keys: a graph and its layer. */
const GRAPH = 0x105;
const NODES = 6;

type Operation =
  | { readonly do: 'set' | 'add' | 'remove'; readonly node: number; readonly ids: Uint32Array }
  | { readonly do: 'added' | 'replaced'; readonly node: number; readonly ids: Uint32Array }
  | { readonly do: 'removeNode'; readonly node: number }
  | { readonly do: 'shake'; readonly node: number };

const node = fc.nat(NODES - 1);
/** In any order, since a graph keeps its lists by distance; ids with all 32 bits among them. */
const ids = fc
  .uniqueArray(fc.oneof(fc.nat(9), fc.constantFrom(0x80000000, 0xffffffff)), { maxLength: 8 })
  .map((list) => Uint32Array.from(list));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    do: fc.constantFrom('set' as const, 'add' as const, 'remove' as const),
    node,
    ids,
  }),
  fc.record({ do: fc.constantFrom('added' as const, 'replaced' as const), node, ids }),
  fc.record({ do: fc.constant('removeNode' as const), node }),
  fc.record({ do: fc.constant('shake' as const), node }),
);

const layouts: readonly GraphLayoutName[] = ['vertex', 'delta', 'hybrid'];

export function layoutSuite(
  name: string,
  open: () => Promise<LayoutEngine>,
  options: { readonly numRuns: number },
): void {
  test(`every layout keeps the same lists (${name})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
        for (const layout of layouts) await replay(await open(), layout, operations);
      }),
      { numRuns: options.numRuns },
    );
  });
}

async function replay(
  engine: LayoutEngine,
  name: GraphLayoutName,
  operations: readonly Operation[],
): Promise<void> {
  const store = new GraphStore(engine, TREE, createGraphLayout(name, TREE));
  const model = new Map<number, Set<number>>();
  try {
    for (let step = 0; step < operations.length; step++) {
      const next = operations[step];
      if (next.do === 'shake') {
        await engine.shake(step);
      } else {
        const batch = engine.newBatch();
        apply(store, name, batch, model, next);
        await engine.commit(batch);
      }
      expectLists(store, model);
    }
  } finally {
    await engine.close();
  }
}

/** The same change to the store and to the model. */
function apply(
  store: GraphStore,
  name: GraphLayoutName,
  batch: EdgeBatch,
  model: Map<number, Set<number>>,
  next: Exclude<Operation, { do: 'shake' }>,
): void {
  const { node } = next;
  const before = model.get(node);
  if (next.do === 'removeNode') {
    store.removeNode(batch, GRAPH, node);
    model.delete(node);
    return;
  }
  const { ids } = next;
  const layout = createGraphLayout(name, TREE);
  const old = Uint32Array.from(before ?? []);
  switch (next.do) {
    case 'set':
      store.setNeighbours(batch, GRAPH, node, ids);
      model.set(node, new Set(ids));
      break;
    case 'add':
      store.addEdges(batch, GRAPH, node, ids);
      if (ids.length > 0) model.set(node, new Set([...old, ...ids]));
      break;
    case 'remove':
      store.removeEdges(batch, GRAPH, node, ids);
      model.set(node, new Set(old.filter((id) => !ids.includes(id))));
      break;
    case 'added': {
      const added = ids.filter((id) => !old.includes(id));
      if (before === undefined) return;
      layout.writeAdded(batch, GRAPH, node, added, Uint32Array.from([...old, ...added]));
      model.set(node, new Set([...old, ...added]));
      break;
    }
    case 'replaced':
      layout.writeReplaced(batch, GRAPH, node, before && old.reverse(), ids);
      model.set(node, new Set(ids));
      break;
  }
}

function expectLists(store: GraphStore, model: ReadonlyMap<number, Set<number>>): void {
  const into = new Uint32Array(64);
  const listOf = (count: number): number[] | undefined =>
    count === NO_NODE ? undefined : [...into.subarray(0, count)];
  const sorted = (set: Set<number> | undefined): number[] | undefined =>
    set && [...Uint32Array.from(set).sort()];

  for (let node = 0; node < NODES; node++) {
    expect(listOf(store.neighbours(GRAPH, node, into))).toEqual(sorted(model.get(node)));
  }
  const scanned: [number, number[] | undefined][] = [];
  const scan = store.scan(GRAPH);
  while (scan.next()) scanned.push([scan.node, listOf(scan.neighbours(into))]);
  scan.close();
  const expected = [...model].sort(([a], [b]) => a - b);
  expect(scanned).toEqual(expected.map(([node, set]) => [node, sorted(set)]));
  const range = { first: 1, last: NODES - 2 };
  const within: typeof scanned = [];
  store.neighboursOfRange(GRAPH, range, into, (node, count) => within.push([node, listOf(count)]));
  expect(within).toEqual(scanned.filter(([node]) => node >= range.first && node <= range.last));
}
