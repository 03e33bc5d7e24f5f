/**
 * Moving a node to another place: the copy gets the lists of the old node, whose own lists name only the
 * copy from then on. Whoever names the old node, a ghost now, reaches the copy through it, until the next
 * sweep puts the copy into its list.
 */
import { isLiving } from './living.ts';
import type { TouchedLists } from './touched-lists.ts';
import type { WalkContext } from './walk-driver.ts';

/** Writes the lists of `to`, layer by layer; returns on how many layers the node is. */
export function moveLists(
  context: WalkContext,
  touched: TouchedLists,
  at: {
    readonly from: number;
    readonly to: number;
    /** Whether the store has a list of `from` there. */
    readonly isOn: (layer: number) => boolean;
  },
): number {
  const { from, to } = at;
  let layer = 0;
  for (; at.isOn(layer); layer++) {
    const { lists } = context;
    const ids = movedNeighbours(context, layer, from).filter((id) => id !== to);
    touched.create(layer, to, ids);
    const list = touched.touch(layer, from);
    touched.keepReplaced(layer, from);
    lists.fill(list, Uint32Array.of(to));
  }
  return layer;
}

/** What a node's list names, with the copies of those that were moved before. */
export function movedNeighbours(context: WalkContext, layer: number, node: number): Uint32Array {
  const { lists } = context;
  const ids = lists.idsAt(lists.load(layer, node)).slice();
  const found = new Set<number>();
  for (const id of ids) {
    if (isLiving(context, id)) {
      found.add(id);
      continue;
    }
    const named = lists.idsAt(lists.load(layer, id));
    found.add(named.length === 1 ? named[0] : id);
  }
  found.delete(node);
  return Uint32Array.from(found);
}
