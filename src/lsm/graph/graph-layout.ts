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
import { difference, IdList, setTo, toIdSet } from '../id-set.ts';
import { borrowEdges, borrowList, encodeEdges } from '../list-codec.ts';
import { requireChoice } from '../option-checks.ts';

/** The write policies of the table above. */
export type GraphLayoutName = 'vertex' | 'delta' | 'hybrid';

/** What a layout needs of a write batch. Values are copied on call. */
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

  /** Whether `writeReplaced` looks at `before`. */
  readonly readsReplaced: boolean;

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

/**
 * The layout of that name, writing to the tree with the id `tree`, whose merge operator is `adjacency`.
 * `INVALID_ARGUMENT` for another name.
 */
export function createGraphLayout(name: GraphLayoutName, tree: number): GraphLayout {
  requireChoice('layout', name, ['vertex', 'delta', 'hybrid']);
  // Two dozen lists are written for a vector: what stands here is used again for each.
  const list = new IdList();
  const none = new IdList();
  const setList: GraphLayout['writeList'] = (batch, hi, node, ids) => {
    setTo(list, ids);
    batch.set(tree, hi, node, borrowList(list));
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
    readsReplaced: name === 'delta',
    writeList: setList,
    writeAdded(batch, hi, node, added, whole) {
      if (name === 'vertex') return setList(batch, hi, node, whole);
      setTo(list, added);
      if (list.count > 0) batch.merge(tree, hi, node, borrowEdges(list, none));
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
