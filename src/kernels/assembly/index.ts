/** What the module exports. It keeps no data of its own: all state lies where the caller puts it. */
export { walkBegin, walkContinue, walkRun } from './walk';
export { walkBytes, walkInit, walkMove } from './scratch';
export { walkPrepare } from './prepare';
export { codeDistance, encodeSlot } from './slots';
export { decodeSq8 } from './encode';
export { encodeBits } from './bits';
export { refineEntries, refineExact } from './refine';
export { checkOriginals, checksum } from './checksum';
export { selectNeighbours } from './select';
export { linkBack } from './link';
export { distanceExact, scanBegin, scanEnd, scanPage } from './exact';
export { singleHash } from './space';
export { buildRows } from './build-rows';
export { buildAssign } from './build-assign';
export { buildChoose, buildMeasure, buildReverse } from './build-leaf';
export { buildJoin } from './build-join';
export { buildBackEdges, buildMerge } from './build-lists';

/** The first address that the module leaves to its caller. */
export function heapBase(): u32 {
  return <u32>__heap_base;
}
