/**
 * Sets of u32: as strictly ascending arrays, whose functions return new arrays or an argument; and as
 * `IdList`s, which are reused, so that folding the lists of a read allocates nothing.
 */

/** The first `count` of `ids` are a set, strictly ascending. Grows and never shrinks. */
export class IdList {
  ids: Uint32Array = new Uint32Array(64);
  count = 0;

  /** Room for `capacity` ids; what is in the list is lost. */
  reserve(capacity: number): void {
    if (this.ids.length < capacity) this.ids = new Uint32Array(2 * capacity);
  }
}

/** Makes `target` the ids of `source` without those of `removed`, and those of `added`. */
export function applyEdges(source: IdList, removed: IdList, added: IdList, target: IdList): void {
  target.reserve(source.count + added.count);
  target.count = applyInto(source, removed, added, target.ids);
}

function applyInto(source: IdList, removed: IdList, added: IdList, into: Uint32Array): number {
  const { ids: old, count: oldCount } = source;
  const { ids: gone, count: goneCount } = removed;
  const { ids: fresh, count: freshCount } = added;
  let count = 0;
  let g = 0;
  let f = 0;
  for (let i = 0; i < oldCount; i++) {
    const id = old[i];
    while (f < freshCount && fresh[f] < id) into[count++] = fresh[f++];
    while (g < goneCount && gone[g] < id) g++;
    if (f < freshCount && fresh[f] === id) into[count++] = fresh[f++];
    else if (g === goneCount || gone[g] !== id) into[count++] = id;
  }
  while (f < freshCount) into[count++] = fresh[f++];
  return count;
}

/** Longer arrays are sorted by the engine, which allocates. */
const INSERTED_MAX = 128;

/** Makes `target` the set of `ids`, which come in any order; repeats count once. Allocates nothing for short lists. */
export function setTo(target: IdList, ids: Uint32Array): void {
  target.reserve(ids.length);
  if (ids.length <= INSERTED_MAX) {
    target.count = insertAll(target.ids, ids);
  } else {
    const set = toIdSet(ids);
    target.ids.set(set);
    target.count = set.length;
  }
}

function insertAll(into: Uint32Array, ids: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    let at = count;
    while (at > 0 && into[at - 1] > id) at--;
    if (at > 0 && into[at - 1] === id) continue;
    for (let j = count++; j > at; j--) into[j] = into[j - 1];
    into[at] = id;
  }
  return count;
}

/** The same ids as a set: `ids` itself when it is one already, else a sorted copy without repeats. */
export function toIdSet(ids: Uint32Array): Uint32Array {
  let isSet = true;
  for (let i = 1; i < ids.length && isSet; i++) isSet = ids[i - 1] < ids[i];
  if (isSet) return ids;
  const sorted = ids.slice().sort();
  let count = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[count++] = sorted[i];
  }
  return sorted.subarray(0, count);
}

/** Ids in either set. */
export function union(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const all = new Uint32Array(a.length + b.length);
  let count = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const left = a[i];
    const right = b[j];
    if (left <= right) i++;
    if (right <= left) j++;
    all[count++] = Math.min(left, right);
  }
  while (i < a.length) all[count++] = a[i++];
  while (j < b.length) all[count++] = b[j++];
  return all.subarray(0, count);
}

/** Ids of `a` that are not in `b`. */
export function difference(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length === 0 || b.length === 0) return a;
  const kept = new Uint32Array(a.length);
  let count = 0;
  let j = 0;
  for (let i = 0; i < a.length; i++) {
    const id = a[i];
    while (j < b.length && b[j] < id) j++;
    if (j === b.length || b[j] !== id) kept[count++] = id;
  }
  return kept.subarray(0, count);
}
