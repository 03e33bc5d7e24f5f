/** What the engine must not let into its log, since no later opening could read it back. */
import { DatabaseError } from '../errors.ts';
import type { EngineCore } from './engine-core.ts';
import { MERGE } from './entry.ts';
import type { SlicedWork } from './slices.ts';
import { BatchReader } from './write-batch.ts';

/** `INVALID_ARGUMENT` when an entry is of no tree of the engine, or a MERGE of one without an operator. */
export function checkBatch(core: EngineCore, entries: Uint8Array): void {
  checkBatchSliced(core, entries)(() => false);
}

/** As `checkBatch`, slice by slice. */
export function checkBatchSliced(core: EngineCore, entries: Uint8Array): SlicedWork {
  const reader = new BatchReader(entries);
  return (isOver) => {
    while (reader.next()) {
      const { operator, spec } = core.tree(reader.tree);
      if (reader.kind === MERGE && operator === undefined) {
        const message = `batch: the tree ${spec.name} has no merge operator and takes no MERGE`;
        throw new DatabaseError('INVALID_ARGUMENT', message);
      }
      if (isOver()) return false;
    }
    return true;
  };
}
