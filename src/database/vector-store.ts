/**
 * One vector space of a collection as the writer and searches use it: its pages, its graph, its counters as
 * the writer has applied them. A collection has a default one, named ones beside it, or both.
 */
import { assert } from '../base/assert.ts';
import { seededRandom } from '../base/random.ts';
import { GraphIndex } from '../hnsw/graph-index.ts';
import { createSpace, type Space } from '../kernels/space.ts';
import { createGraphLayout, type GraphLayout } from '../lsm/graph/graph-layout.ts';
import { GraphStore } from '../lsm/graph/graph-store.ts';
import type { WriteBatch } from '../lsm/write-batch.ts';
import { chooseBitGeometry } from '../paged/bit-geometry.ts';
import { PagedSpace } from '../paged/paged-space.ts';
import { beamOnBits } from './auto-codes.ts';
import {
  encodeSpaceCounters,
  readCurves,
  type SpaceCounters,
  type SpaceEntry,
  writeSpaceCounters,
} from './catalog.ts';
import type { EffectiveSpaceOptions } from './options.ts';
import { RecallCalibration } from './recall-calibration.ts';
import { RecentGhosts } from './recent-ghosts.ts';
import { geometryOf, mayHaveBits } from './space-geometry.ts';
import type { Stores } from './stores.ts';
import { GRAPH_TREE, graphHi } from './trees.ts';
import type { VectorAttachment } from './vector-attachment.ts';

/** Records of one write that a search may meet, as a rule at the most. */
const UNSEEN_MAX = 8;

export interface VectorStoreOptions {
  readonly entry: SpaceEntry;
  /** As they are in the trees; the store owns them from here on. */
  readonly counters: SpaceCounters;
  /** Of the layers of new nodes. */
  readonly seed: number;
  /** Counters of the space as a reader at a sequence sees them. */
  readonly countersAt: (sequence: number) => SpaceCounters;
}

export class VectorStore {
  /** Number of the space, unique in the database. */
  readonly id: number;
  /** Number of the space within its collection: 0 is the default one. */
  readonly ordinal: number;
  /** '' for the default space. */
  readonly name: string;
  readonly options: EffectiveSpaceOptions;
  readonly space: Space;
  readonly vectors: PagedSpace;
  readonly graph: GraphIndex;
  readonly layout: GraphLayout;
  /** Neighbour lists as the trees have them. */
  readonly lists: GraphStore;
  /** As the writer has applied them; readers take theirs from the tree. */
  readonly counters: SpaceCounters;
  /** What `recall` in a search is turned into a beam by. */
  readonly calibration: RecallCalibration;
  /** Nodes that lived a moment ago. */
  readonly recentGhosts: RecentGhosts;
  /** Plans that were undone: nodes that a search under way has met may be gone. */
  rollbacks = 0;
  /** Counters at the beginning of the plan under way: counters, pages and graph are ahead of the trees. */
  #before: SpaceCounters | undefined;
  readonly #stores: Stores;
  readonly #countersAt: (sequence: number) => SpaceCounters;

  constructor(stores: Stores, given: VectorStoreOptions) {
    const { counters } = given;
    const { space: id, ordinal, name, options } = given.entry;
    this.#stores = stores;
    this.#countersAt = given.countersAt;
    this.id = id;
    this.ordinal = ordinal;
    this.name = name;
    this.options = options;
    this.counters = counters;
    const { dimension, metric, m, efConstruction, originals } = options;
    const { engine, kernels, allocator } = stores;
    this.recentGhosts = new RecentGhosts(() => engine.oldestSnapshot() ?? engine.publishedSequence);
    const geometry = geometryOf(options);
    const bits = mayHaveBits(options.codes) ? chooseBitGeometry(geometry) : undefined;
    const caps = { capBottom: 2 * m, capUpper: m };
    const shape = { dimension, metric, geometry, bits, ...caps };
    this.space = createSpace(kernels, allocator, shape);
    const random = seededRandom(given.seed);
    const paged = { id, space: this.space, geometry, bits, store: stores.pages };
    this.vectors = new PagedSpace({ ...paged, originals, random });
    if (counters.pages.length > 0) this.vectors.importCounters(counters.pages);
    this.layout = createGraphLayout(options.layout, GRAPH_TREE);
    const lists = new GraphStore(engine, GRAPH_TREE, this.layout);
    this.lists = lists;
    this.graph = new GraphIndex({
      kernels,
      allocator,
      space: this.space,
      lists: {
        read: (layer, node, into) => lists.neighbours(graphHi(id, layer), node, into),
        readRange: (first, last, into, take) =>
          lists.neighboursOfRange(graphHi(id, 0), { first, last }, into, take),
      },
      vectors: this.vectors,
      m,
      efConstruction,
      random,
      keepsReplaced: this.layout.readsReplaced,
      pool: stores.walks,
      runner: stores.walkRunner,
      reads: stores.reads,
      admission: stores.admission,
      beamOnBits: options.codes === 'auto' ? (ef) => beamOnBits(dimension, ef) : undefined,
      insertPool: stores.insertWalks,
    });
    this.graph.entry = counters.entry;
    this.calibration = new RecallCalibration(this, () => readCurves(engine, id));
  }

  /** Makes a vector of the log, that was not in the pages yet, be in them again. */
  replay({ node, record, vector }: VectorAttachment): void {
    this.vectors.replay(node, record, vector);
  }

  /** Living vectors, as a reader at `sequence` counts them. */
  vectorsAt(sequence: number): number {
    const isApplied = sequence === this.#stores.engine.appliedSequence;
    if (isApplied && this.#before === undefined) return this.counters.vectors;
    return this.#countersAt(sequence).vectors;
  }

  /** How many candidates more a reader at `sequence` takes: those of a write under way do not count yet. */
  unseenAt(sequence: number): number {
    const isAhead = this.#before !== undefined || sequence < this.#stores.engine.appliedSequence;
    return isAhead ? UNSEEN_MAX : 0;
  }

  /** From here on memory may differ from the trees, until `commitPlan` or `rollbackPlan`. */
  beginPlan(): void {
    this.#before = { ...this.counters };
    this.vectors.beginPlan();
  }

  /** Living vectors at the beginning of the plan under way. */
  get vectorsBefore(): number {
    return (this.#before ?? this.counters).vectors;
  }

  /** Counters with the parts that pages and graph keep, for the commit that is being planned. */
  plannedCounters(): SpaceCounters {
    const { counters, graph, vectors } = this;
    // Without a living node a walk would visit all ghosts for nothing: the graph begins anew.
    counters.entry = counters.vectors === 0 ? undefined : graph.entry;
    counters.pages = vectors.exportCounters();
    return counters;
  }

  /** Writes the counters of a named space to the commit that is being planned, if it changes them. */
  writeCounters(batch: WriteBatch): void {
    assert(this.ordinal > 0, 'those of the default space are with those of the collection');
    const before = this.#before === undefined ? undefined : encodeSpaceCounters(this.#before);
    const planned = encodeSpaceCounters(this.plannedCounters());
    if (before !== undefined && Buffer.compare(before, planned) === 0) return;
    writeSpaceCounters(batch, this.id, planned);
  }

  /** In the moment in which readers begin to see the commit of that sequence. */
  commitPlan(sequence: number): void {
    this.vectors.commitPlan();
    this.graph.commitPlan();
    this.graph.entry = this.counters.entry;
    this.#before = undefined;
    this.recentGhosts.commit(sequence);
  }

  /** Undoes everything since `beginPlan`; `sequence` is that of the last commit. */
  rollbackPlan(sequence: number): void {
    this.vectors.rollbackPlan();
    this.graph.rollbackPlan();
    Object.assign(this.counters, this.#before);
    this.recentGhosts.rollback(sequence);
    this.#before = undefined;
    this.rollbacks++;
  }

  /** Gives its memory back: nobody uses it any more. */
  release(): void {
    this.graph.release();
    this.vectors.release();
    this.space.release();
  }

  /** Keeps the places of nodes that live now from being given again, until the function it returns is called. */
  holdNodes(): () => void {
    const snapshot = this.#stores.engine.snapshot();
    const release = this.recentGhosts.hold(snapshot.sequence);
    return () => {
      release();
      snapshot.release();
    };
  }

  /** The plan under way makes a node a ghost. */
  makeGhost(node: number, sequence: number): void {
    this.vectors.setGhost(node, sequence);
    this.counters.vectors--;
    this.recentGhosts.plan(node);
  }
}

/** What searches of a space with these stored `codes` walk on now. */
export function codesInUse(
  codes: EffectiveSpaceOptions['codes'],
  space: VectorStore | undefined,
): 'sq8' | 'bit' | 'none' {
  if (codes !== 'auto') return codes;
  return space?.vectors.hasBits === true ? 'bit' : 'sq8';
}
