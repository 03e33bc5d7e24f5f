/**
 * What a graph needs of the store below it. Reads are synchronous; they may take cells of the
 * module's memory away from others, never the scratch of a walk.
 */

/** Reads of several things at once, for where each takes long. */
export interface ParallelReads {
  /** Whether reads take so long that they are worth a turn of the event loop. */
  readonly isSlow: boolean;
  /**
   * Makes every call, with their reads side by side: each is begun again until it finds what it reads at hand.
   * Then, in the same turn of the event loop, `use`, which finds all that they have read.
   */
  together(loads: readonly (() => void)[], use?: () => void): Promise<void>;
}

/** Where neighbour lists come from when they are not in memory: the newest applied ones. */
export interface NeighbourSource {
  /**
   * Writes the neighbours of `node` into `into`, which has room for more than a full list, and returns
   * their number; -1 when there is no such list.
   */
  read(layer: number, node: number, into: Uint32Array): number;
  /**
   * As `read` for each node of layer 0 from `first` to `last` that has a list, in ascending order: `take` gets it
   * in `into`. A source without it is read list by list.
   */
  readRange?(
    first: number,
    last: number,
    into: Uint32Array,
    take: (node: number, count: number) => void,
  ): void;
}

/** Where vectors come from. */
export interface VectorSource {
  /** Pages are numbered from 0. */
  readonly counters: { readonly pages: number };
  /** Brings the code cell of `page` into memory and enters it in the space's directory. */
  loadCodes(page: number): void;
  /** Whether there are 1-bit codes to walk on, and so for how long as the answer is yes. */
  readonly hasBits: boolean;
  /** As `loadCodes`, for a bit page. Only asked of a source that has bits. */
  loadBits(bitPage: number): void;
  /** How many calls of `original` one after the other give addresses that are valid together. */
  readonly originalsAtOnce: number;
  /** The address of the node's f32 vector, valid until the next call of anything else that allocates. */
  original(node: number): number;
  /**
   * Puts the addresses of the vectors of `count` nodes, `originalsAtOnce` at most, into their entries (u32 node,
   * u32 address) at `entries`: all are valid together. Reads as `original` does.
   */
  originals(entries: number, count: number): void;
}
