import type { EngineCore } from './engine-core.ts';
import { type FilterPlace, filterBitsOf } from './filter-bits.ts';
import type { TableSettings } from './table-settings.ts';

/** For tables that the engine writes for a tree, as its options and the current version have it. */
export function outputSettings(core: EngineCore, tree: number, place: FilterPlace): TableSettings {
  const { options, versions } = core;
  const { spec } = core.tree(tree);
  return {
    tree,
    level: place.level,
    tableBytes: options.tableBytes,
    blockBytes: spec.blockBytes ?? options.blockBytes,
    codec: spec.codec,
    filterBitsPerKey: filterBitsOf(spec, versions.current.runs(tree), place, options),
    mergeOperator: spec.mergeOperator,
    layout: spec.layout,
  };
}
