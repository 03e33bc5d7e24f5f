/** Changes that only a sweep makes: an entry in place of a ghost, places free, the last pages given up. */
import type { Entry } from '../hnsw/entry.ts';
import type { GraphSweep } from '../hnsw/sweep.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { pageKey } from '../paged/page-map.ts';
import { GRAPH_TREE, graphHi, PAGES_TREE } from './trees.ts';
import type { VectorStore } from './vector-store.ts';
import type { WritePlan } from './write-plan.ts';

/** A living node of the topmost layer that has one, from `layer` down. In steps: it may be the last of all lists. */
export function* findingEntry(
  engine: LsmEngine,
  { id, vectors }: VectorStore,
  layer: number,
): Generator<void, Entry | undefined> {
  for (; layer >= 0; layer--) {
    const hi = graphHi(id, layer);
    const scan = engine.scan(GRAPH_TREE, { fromHi: hi, fromLo: 0, toHi: hi, toLo: 0xffffffff });
    try {
      while (scan.next()) {
        if (vectors.isLive(scan.lo)) return { node: scan.lo, layer };
        yield;
      }
    } finally {
      scan.close();
    }
  }
  return undefined;
}

/** The place of a ghost that no list names, and its lists. */
export function freeGhost(
  plan: WritePlan,
  { id, layout, vectors, graph }: VectorStore,
  sweep: GraphSweep,
  node: number,
): void {
  const layers = sweep.layersOf(node);
  for (const layer of layers) layout.removeNode(plan.batch, graphHi(id, layer), node);
  vectors.setFree(node);
  plan.afterCommit(() => {
    for (const layer of layers) graph.forget(layer, node);
  });
}

/** Gives up to `most` empty pages at the end up; returns how many. The plan does nothing else. */
export function dropLastPages(
  plan: WritePlan,
  { id, vectors, graph }: VectorStore,
  most: number,
): number {
  const pages = vectors.dropLast(most);
  for (const page of pages) {
    plan.batch.delete(PAGES_TREE, id, pageKey(page, 'states'));
    plan.afterCommit(() => graph.forgetPage(page));
  }
  return pages.length;
}
