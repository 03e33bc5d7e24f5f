/**
 * One collection inside the database: its vector space (pages, graph), its counters as the writer sees
 * them, and the readers of its records.
 */
import { seededRandom } from '../base/random.ts';
import { GraphIndex } from '../hnsw/graph-index.ts';
import { createSpace, type Space } from '../kernels/space.ts';
import { createGraphLayout, type GraphLayout } from '../lsm/graph/graph-layout.ts';
import { GraphStore } from '../lsm/graph/graph-store.ts';
import { chooseGeometry } from '../paged/geometry.ts';
import { PagedSpace } from '../paged/paged-space.ts';
import { type CatalogEntry, type CollectionCounters, readCounters } from './catalog.ts';
import type { EffectiveCollectionOptions } from './options.ts';
import { RecentGhosts } from './recent-ghosts.ts';
import { RecordReader } from './record-reader.ts';
import type { Stores } from './stores.ts';
import { GRAPH_TREE, graphHi } from './trees.ts';
import type { VectorAttachment } from './vector-attachment.ts';

export class CollectionStore {
  readonly entry: CatalogEntry;
  readonly reader: RecordReader;
  readonly space: Space;
  readonly vectors: PagedSpace;
  readonly graph: GraphIndex;
  readonly layout: GraphLayout;
  /** Neighbour lists as the trees have them. */
  readonly lists: GraphStore;
  /** As the writer has applied them; readers take theirs from the tree. */
  readonly counters: CollectionCounters;
  /** In effect: `exactBelow` is that of the last `Database.collection` call. */
  options: EffectiveCollectionOptions;
  /** A plan is under way: counters, pages and graph are ahead of the trees. */
  isPlanning = false;
  /** Plans that were undone: nodes that a search under way has met may be gone. */
  rollbacks = 0;
  /** Sequence of the last commit that changed which records there are. */
  changedSequence = 0;
  /** Nodes that lived a moment ago. */
  readonly recentGhosts: RecentGhosts;
  readonly #stores: Stores;

  constructor(stores: Stores, entry: CatalogEntry) {
    this.#stores = stores;
    this.entry = entry;
    this.options = entry.options;
    const { dimension, metric, m, efConstruction, layout, seed, originals } = entry.options;
    const { engine, kernels, allocator, hasher } = stores;
    this.recentGhosts = new RecentGhosts(() => engine.publishedSequence);
    this.reader = new RecordReader(engine, hasher, entry.collection);
    this.counters = readCounters(engine, entry.collection);
    const geometry = chooseGeometry(dimension);
    const caps = { capBottom: 2 * m, capUpper: m };
    this.space = createSpace(kernels, allocator, { dimension, metric, geometry, ...caps });
    const random = seededRandom(seed + this.counters.nextRecord);
    this.vectors = new PagedSpace({
      id: entry.space,
      space: this.space,
      geometry,
      store: stores.pages,
      originals,
      random,
    });
    if (this.counters.pages.length > 0) this.vectors.importCounters(this.counters.pages);
    this.layout = createGraphLayout(layout, GRAPH_TREE);
    const lists = new GraphStore(engine, GRAPH_TREE, this.layout);
    this.lists = lists;
    this.graph = new GraphIndex({
      kernels,
      allocator,
      space: this.space,
      lists: {
        read: (layer, node, into) => lists.neighbours(graphHi(entry.space, layer), node, into),
      },
      vectors: this.vectors,
      m,
      efConstruction,
      random,
      pool: stores.walks,
      insertPool: stores.insertWalks,
    });
    this.graph.entry = this.counters.entry;
  }

  /** Makes a vector of the log, that was not in the pages yet, be in them again. */
  replay({ node, record, vector }: VectorAttachment): void {
    this.vectors.replay(node, record, vector);
  }

  /** Living vectors, as a reader at `sequence` counts them. */
  vectorsAt(sequence: number): number {
    const { engine } = this.#stores;
    if (sequence === engine.appliedSequence && !this.isPlanning) return this.counters.vectors;
    return readCounters(engine, this.entry.collection, sequence).vectors;
  }

  /** Counters with the parts that pages and graph keep, for the commit that is being planned. */
  currentCounters(): CollectionCounters {
    const { counters } = this;
    counters.entry = this.graph.entry;
    counters.pages = this.vectors.exportCounters();
    return counters;
  }
}
