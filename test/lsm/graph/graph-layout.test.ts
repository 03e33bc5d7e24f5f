import { expect, test } from 'vitest';
import { CorruptionError } from '../../../src/errors.ts';
import {
  createGraphLayout,
  type EdgeBatch,
  type GraphLayout,
  type GraphLayoutName,
} from '../../../src/lsm/graph/graph-layout.ts';
import { GraphStore } from '../../../src/lsm/graph/graph-store.ts';
import { readEdges, readList } from '../../../src/lsm/list-codec.ts';
import { ArrayEngine } from './array-engine.ts';

/** What a layout wrote, in words. */
function written(
  write: (layout: GraphLayout, batch: EdgeBatch) => void,
  name: 'vertex' | 'delta' | 'hybrid',
): string[] {
  const log: string[] = [];
  const batch: EdgeBatch = {
    set: (tree, hi, lo, value) => log.push(`${tree}/${hi}/${lo} SET ${readList(value)}`),
    merge: (tree, hi, lo, operand) => {
      const { added, removed } = readEdges(operand)!;
      log.push(`${tree}/${hi}/${lo} MERGE +${added} -${removed}`);
    },
    delete: (tree, hi, lo) => log.push(`${tree}/${hi}/${lo} DELETE`),
  };
  write(createGraphLayout(name, 9), batch);
  return log;
}

const ids = (...list: number[]): Uint32Array => Uint32Array.from(list);

test('a whole list is a SET in every layout, canonical whatever the order of the ids', () => {
  for (const name of ['vertex', 'delta', 'hybrid'] as const) {
    const write = (layout: GraphLayout, batch: EdgeBatch): void => {
      layout.writeList(batch, 4, 7, ids(3, 1, 2, 3));
      layout.removeNode(batch, 4, 8);
    };
    expect(written(write, name)).toEqual(['9/4/7 SET 1,2,3', '9/4/8 DELETE']);
  }
});

test('added edges are a delta, except where only whole lists are written', () => {
  const write = (layout: GraphLayout, batch: EdgeBatch): void =>
    layout.writeAdded(batch, 4, 7, ids(9, 5), ids(9, 5, 1));
  expect(written(write, 'vertex')).toEqual(['9/4/7 SET 1,5,9']);
  expect(written(write, 'delta')).toEqual(['9/4/7 MERGE +5,9 -']);
  expect(written(write, 'hybrid')).toEqual(['9/4/7 MERGE +5,9 -']);
});

test('a pruned list is a whole list, except where only edges are written', () => {
  const write = (layout: GraphLayout, batch: EdgeBatch): void =>
    layout.writeReplaced(batch, 4, 7, ids(4, 3, 2, 1), ids(9, 2, 1));
  expect(written(write, 'vertex')).toEqual(['9/4/7 SET 1,2,9']);
  expect(written(write, 'delta')).toEqual(['9/4/7 MERGE +9 -3,4']);
  expect(written(write, 'hybrid')).toEqual(['9/4/7 SET 1,2,9']);
});

test('a replaced list that nobody knew is a SET', () => {
  const write = (layout: GraphLayout, batch: EdgeBatch): void =>
    layout.writeReplaced(batch, 4, 7, undefined, ids(2, 1));
  expect(written(write, 'delta')).toEqual(['9/4/7 SET 1,2']);
});

test('a delta of nothing is not written', () => {
  const write = (layout: GraphLayout, batch: EdgeBatch): void =>
    layout.writeReplaced(batch, 4, 7, ids(2, 1), ids(1, 2));
  expect(written(write, 'delta')).toEqual([]);
});

test('the caller’s ids stay in their order', () => {
  const list = ids(3, 1, 2);
  written((layout, batch) => layout.writeList(batch, 4, 7, list), 'vertex');
  expect(list).toEqual(ids(3, 1, 2));
});

test('a damaged list is CORRUPTION', async () => {
  const engine = new ArrayEngine();
  const batch = engine.newBatch();
  batch.set(9, 4, 7, Uint8Array.of(2, 1));
  await engine.commit(batch);
  const store = new GraphStore(engine, 9, createGraphLayout('vertex', 9));
  expect(() => store.neighbours(4, 7, new Uint32Array(8))).toThrow(CorruptionError);
  expect(() => store.removeEdges(batch, 4, 7, ids(1))).toThrow(CorruptionError);
});

test('a layout that is none is refused', () => {
  const none = 'edge' as GraphLayoutName;
  expect(() => createGraphLayout(none, 9)).toThrow(
    /expected 'vertex', 'delta' or 'hybrid', got edge/,
  );
});
