/**
 * The trees of a database. Ids are part of the format.
 *
 *   tree     key (hi, lo)                                             value
 *   graph    (space << 8 | layer, node)                               neighbour list
 *   heads    (collection, record number)                              head (head.ts)
 *   bodies   (collection, record number)                              body (body.ts)
 *   ids      64-bit hash of (collection, namespace, id)               list of record numbers
 *   terms    reserved for text search
 *   fields   (collection << 8 | field, code >> 48 << 16 | record >> 16) set of pairs (filter/index-changes.ts)
 *   pages    (space, page * 2 + part)                                 places and slot states (paged)
 *   system   (section, key)                                           catalog, counters (catalog.ts)
 */
import type { TreeSpec } from '../lsm/engine-options.ts';

/** Where the trees are, in the directory of the database. */
export const TREE_DIRECTORY = 'lsm';

export const GRAPH_TREE = 1;
export const HEADS_TREE = 2;
export const BODIES_TREE = 3;
export const IDS_TREE = 4;
export const TERMS_TREE = 5;
export const FIELDS_TREE = 6;
export const PAGES_TREE = 7;
export const SYSTEM_TREE = 8;

/** Numbers in the tree `fields`: the namespace is the first one of every collection. */
export const NAMESPACE_FIELD = 0;

/** Times at which records expire (expiries.ts); between the two, fields of metadata. */
export const EXPIRY_FIELD = 255;

/**
 * Lists, heads and bodies are read where they are: a filter on the last level, which has nearly all keys,
 * would hardly ever say no. An id that is new is asked for and absent, so every filter of `ids` counts. The
 * collections of a database may differ in layout, so tables of `graph` name none.
 */
export function treeSpecs(compression: 'lz4' | 'none'): TreeSpec[] {
  return [
    { id: GRAPH_TREE, name: 'graph', mergeOperator: 'adjacency', lastLevelFilter: false },
    { id: HEADS_TREE, name: 'heads', lastLevelFilter: false },
    { id: BODIES_TREE, name: 'bodies', codec: compression, lastLevelFilter: false },
    { id: IDS_TREE, name: 'ids', mergeOperator: 'adjacency', filterBits: 'monkey' },
    { id: TERMS_TREE, name: 'terms' },
    { id: FIELDS_TREE, name: 'fields', mergeOperator: 'pairs' },
    { id: PAGES_TREE, name: 'pages' },
    { id: SYSTEM_TREE, name: 'system' },
  ];
}

/** Key of a space's lists of one layer. */
export function graphHi(space: number, layer: number): number {
  return ((space << 8) | layer) >>> 0;
}
