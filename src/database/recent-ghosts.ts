/**
 * Nodes that the pages in memory show as ghosts, or showed so a moment ago, and that some reader may still
 * see: those of the plan under way, of commits that are not published yet, and of commits that came while
 * a search was on its way or a snapshot was open. A search offers them beside what it finds.
 */

interface RecentGhost {
  readonly node: number;
  /** Of the commit that made it a ghost. */
  readonly sequence: number;
}

export class RecentGhosts {
  readonly #oldest: () => number;
  /** Of the plan under way. */
  #planned: number[] = [];
  /** In the order of their commits. */
  #committed: RecentGhost[] = [];
  /** Searches under way, by the sequence at which they read. */
  readonly #readers = new Map<number, number>();

  /** `oldest` gives the smallest sequence at which a search may yet begin. */
  constructor(oldest: () => number) {
    this.#oldest = oldest;
  }

  /** Ghosts that are remembered. */
  get count(): number {
    return this.#planned.length + this.#committed.length;
  }

  /** The plan under way makes `node` a ghost. */
  plan(node: number): void {
    this.#planned.push(node);
  }

  /** The plan became the commit of that sequence. */
  commit(sequence: number): void {
    for (const node of this.#planned) this.#committed.push({ node, sequence });
    this.#planned = [];
    this.#forget();
  }

  /**
   * The plan after the commit of that sequence was undone. Its ghosts live again; but a search under way
   * may have passed them by meanwhile.
   */
  rollback(sequence: number): void {
    const isWatched = this.#readers.size > 0;
    for (const node of isWatched ? this.#planned : []) {
      this.#committed.push({ node, sequence: sequence + 1 });
    }
    this.#planned = [];
  }

  /** Keeps what a reader at `sequence` needs until the returned function is called, once. */
  hold(sequence: number): () => void {
    const readers = this.#readers;
    readers.set(sequence, (readers.get(sequence) ?? 0) + 1);
    return () => {
      const left = (readers.get(sequence) ?? 0) - 1;
      if (left > 0) readers.set(sequence, left);
      else readers.delete(sequence);
      this.#forget();
    };
  }

  /** Nodes that live for a reader at `sequence`, which is held, although they may be ghosts in memory. */
  livingAt(sequence: number): number[] {
    const nodes = new Set(this.#planned);
    for (let i = this.#committed.length - 1; i >= 0; i--) {
      const ghost = this.#committed[i];
      if (ghost.sequence <= sequence) break;
      nodes.add(ghost.node);
    }
    return [...nodes];
  }

  /**
   * As `livingAt`, into an array; how many there are, or -1 when there is no room for all. A node may be there twice:
   * one that a plan that was undone had made a ghost.
   */
  livingInto(sequence: number, into: Uint32Array): number {
    const planned = this.#planned;
    let count = planned.length;
    if (count > into.length) return -1;
    for (let i = 0; i < count; i++) into[i] = planned[i];
    for (let i = this.#committed.length - 1; i >= 0; i--) {
      const ghost = this.#committed[i];
      if (ghost.sequence <= sequence) break;
      if (count === into.length) return -1;
      into[count++] = ghost.node;
    }
    return count;
  }

  /** Lets those go that are ghosts for every reader. */
  #forget(): void {
    const committed = this.#committed;
    if (committed.length === 0) return;
    let oldest = this.#oldest();
    for (const sequence of this.#readers.keys()) oldest = Math.min(oldest, sequence);
    const kept = committed.findIndex(({ sequence }) => sequence > oldest);
    if (kept < 0) this.#committed = [];
    else if (kept > 0) this.#committed = committed.slice(kept);
  }
}
