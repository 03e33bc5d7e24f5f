/** What a bulk build makes, and what its two ways (in one piece, in shards) know while they make it. */
import type { Random } from '../base/random.ts';
import type { BuildNodes, LeafOptions } from './build-job.ts';
import type { ListSpool } from './build-merge.ts';
import type { UpperLayers } from './build-upper.ts';

export type BuildPhase = 'order' | 'layers' | 'graph' | 'repair';

export type BuildListener = (phase: BuildPhase, done: number, total: number) => void;

export interface BuiltGraph extends UpperLayers {
  /** By node: the number of its vector. */
  readonly order: Uint32Array;
  /** Lists of layer 0, by node. */
  readonly bottom: Pick<BuildNodes, 'count' | 'lists' | 'listStride'>;
  /** The slots of nodes of one page, in the module's memory; borrowed until the next call. */
  readonly slots: (first: number, end: number) => Uint8Array;
  /** Gives codes and lists back. */
  release(): void;
}

/** What both ways of building know. */
export interface GraphBuild {
  readonly m: number;
  readonly nodesPerPage: number;
  readonly shardNodesMax: number;
  readonly newListSpool: () => ListSpool;
  readonly leaf: LeafOptions;
  readonly random: Random;
  readonly onProgress: BuildListener;
}
