/**
 * How changes of a neighbour list become entries of a tree. A layout is a write policy and nothing else:
 * the value of a key is always the list (`list-codec.ts`), however it was written, so every layout reads
 * what any other one wrote.
 *
 *   layout   edges only added       list pruned
 *   vertex   SET of the list        SET of the list
 *   delta    MERGE of the edges     MERGE of the edges
 *   hybrid   MERGE of the edges     SET of the list
 *
 * Hybrid keeps chains short for nothing: whoever prunes a list has just read it.
 */
import { difference, toIdSet } from '../id-set.ts';
import { encodeEdges, encodeList } from '../list-codec.ts';
import { requireChoice } from '../option-checks.ts';

/** The write policies of the table above. */
export type GraphLayoutName = 'vertex' | 'delta' | 'hybrid';

/** What a layout needs of a write batch. */
export interface EdgeBatch {
  set(tree: number, hi: number, lo: number, value: Uint8Array): void;
  merge(tree: number, hi: number, lo: number, operand: Uint8Array): void;
  delete(tree: number, hi: number, lo: number): void;
}

/** Ids come in any order; repeats count once. Arrays are not kept. `hi` names the graph and its layer. */
export interface GraphLayout {
  readonly name: GraphLayoutName;

  /** Whether `writeAdded` leaves `whole` unread. */
  readonly addsBlindly: boolean;

  /** A new node, or a list rewritten without knowledge of the old one. */
  writeList(batch: EdgeBatch, hi: number, node: number, ids: Uint32Array): void;

  /** Edges only added; `whole` is the list afterwards. */
  writeAdded(
    batch: EdgeBatch,
    hi: number,
    node: number,
    added: Uint32Array,
    whole: Uint32Array,
  ): void;

  /** Any other change; `before` is undefined when there was no list, or when it is not known. */
  writeReplaced(
    batch: EdgeBatch,
    hi: number,
    node: number,
    before: Uint32Array | undefined,
    whole: Uint32Array,
  ): void;

  removeNode(batch: EdgeBatch, hi: number, node: number): void;
}

const NO_IDS = new Uint32Array(0);

/**
 * The layout of that name, writing to the tree with the id `tree`, whose merge operator is `adjacency`.
 * `INVALID_ARGUMENT` for another name.
 */
export function createGraphLayout(name: GraphLayoutName, tree: number): GraphLayout {
  requireChoice('layout', name, ['vertex', 'delta', 'hybrid']);
  const setList: GraphLayout['writeList'] = (batch, hi, node, ids) => {
    batch.set(tree, hi, node, encodeList(toIdSet(ids)));
  };
  const mergeEdges = (
    batch: EdgeBatch,
    hi: number,
    node: number,
    added: Uint32Array,
    removed: Uint32Array,
  ): void => {
    if (added.length + removed.length === 0) return;
    batch.merge(tree, hi, node, encodeEdges(added, removed));
  };
  return {
    name,
    addsBlindly: name !== 'vertex',
    writeList: setList,
    writeAdded(batch, hi, node, added, whole) {
      if (name === 'vertex') setList(batch, hi, node, whole);
      else mergeEdges(batch, hi, node, toIdSet(added), NO_IDS);
    },
    writeReplaced(batch, hi, node, before, whole) {
      if (name !== 'delta' || before === undefined) return setList(batch, hi, node, whole);
      const old = toIdSet(before);
      const fresh = toIdSet(whole);
      return mergeEdges(batch, hi, node, difference(fresh, old), difference(old, fresh));
    },
    removeNode(batch, hi, node) {
      batch.delete(tree, hi, node);
    },
  };
}
