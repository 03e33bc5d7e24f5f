/**
 * Notices a filtered walk that ended in the wrong place. What matches may lie in clusters apart from each other,
 * and from the query; a walk that began among what does not match fills its beam with the first of them that
 * it meets. So a few matches from all over are compared with what it found: one that is nearer and was not found
 * is where a further walk begins.
 */
import type { CollectionStore } from './collection-store.ts';
import { NO_NODE, nodeOf } from './head.ts';
import type { Match } from './match.ts';
import type { FilterBits } from './record-filter.ts';
import type { VectorStore } from './vector-store.ts';

/** Walks that begin anew, at the most. */
const WALKS_MAX = 3;

interface FilteredQuery {
  readonly vector: Float32Array;
  readonly filter: FilterBits;
  readonly wanted: number;
  readonly sequence: number;
  readonly search: { readonly signal: AbortSignal | undefined };
}

/** What is asked, and how to walk: the matches of a walk from a node of layer 0. */
export interface Leading {
  readonly query: FilteredQuery;
  readonly walkFrom: (entry: { node: number; layer: number }) => Promise<readonly Match[]>;
}

/** Parallel arrays. */
interface Sample {
  readonly nodes: Uint32Array;
  readonly distances: Float32Array;
}

export class StrayWalks {
  readonly #store: CollectionStore;
  readonly #space: VectorStore;

  constructor(store: CollectionStore, space: VectorStore) {
    this.#store = store;
    this.#space = space;
  }

  /** The matches of a walk, with those of further ones where it had strayed; nearest first. */
  async lead(matches: readonly Match[], { query, walkFrom }: Leading): Promise<readonly Match[]> {
    const nodes = this.#sampleNodes(query);
    const { signal } = query.search;
    const distances = await this.#space.graph.distancesTo(query.vector, nodes, signal);
    let found = matches;
    const begun = new Set<number>();
    for (let walks = 0; walks < WALKS_MAX; walks++) {
      const node = this.#nearerNode(found, query, { nodes, distances, begun });
      if (node === undefined) break;
      begun.add(node);
      found = merge(found, await walkFrom({ node, layer: 0 }));
    }
    return found;
  }

  /** Those that live; a node that was given away meanwhile may be among them. */
  #sampleNodes({ filter, sequence }: FilteredQuery): Uint32Array {
    const { ordinal, vectors } = this.#space;
    let nodes = filter.sampleNodes.get(ordinal);
    if (nodes === undefined) {
      const all = Array.from(filter.sample, (record) => {
        const head = this.#store.reader.head(record, sequence);
        return head === undefined ? NO_NODE : nodeOf(head, ordinal);
      });
      nodes = Uint32Array.from(all.filter((node) => node !== NO_NODE));
      filter.sampleNodes.set(ordinal, nodes);
    }
    return nodes.filter((node) => vectors.isLive(node));
  }

  /** The nearest of the sample, when it should have been found and was not. */
  #nearerNode(
    found: readonly Match[],
    { wanted }: FilteredQuery,
    { nodes, distances, begun }: Sample & { readonly begun: ReadonlySet<number> },
  ): number | undefined {
    const last = found[Math.min(wanted, found.length) - 1]?.distance ?? Number.POSITIVE_INFINITY;
    const known = new Set([...found.map(({ node }) => node), ...begun]);
    let nearest = -1;
    for (let i = 0; i < nodes.length; i++) {
      if (distances[i] >= last || known.has(nodes[i])) continue;
      if (nearest < 0 || distances[i] < distances[nearest]) nearest = i;
    }
    // It may have gone while other things were read.
    const isThere = nearest >= 0 && this.#space.vectors.isLive(nodes[nearest]);
    return isThere ? nodes[nearest] : undefined;
  }
}

function merge(a: readonly Match[], b: readonly Match[]): readonly Match[] {
  const byNode = new Map([...a, ...b].map((match) => [match.node, match]));
  return [...byNode.values()].sort((x, y) => x.distance - y.distance || x.record - y.record);
}
