/** Makes the columns of a space. */
import type { Directory } from '../kernels/directory.ts';
import type { Space } from '../kernels/space.ts';
import type { Geometry } from './geometry.ts';
import { NewOriginals } from './new-originals.ts';
import { type ColumnName, PageColumn } from './page-column.ts';
import type { PageStore } from './page-store.ts';
import type { Columns } from './space-checkpoint.ts';

/** Codes, and originals unless the space is without them, or its code slots hold them. */
export function makeColumns({
  space,
  geometry,
  store,
  originals = true,
}: {
  readonly space: Space;
  readonly geometry: Geometry;
  readonly store: PageStore;
  readonly originals?: boolean | undefined;
}): Columns {
  const { codeSliceBytes, originalSliceBytes, originalStride: stride } = geometry;
  const codes = makeColumn('codes', codeSliceBytes, space.codes, store);
  if (!originals || geometry.slots === 'vectors')
    return { codes, originals: undefined, newOriginals: undefined };
  const column = makeColumn('originals', originalSliceBytes, space.originals, store);
  const { memory } = store.kernels;
  const { allocator } = store;
  const newOriginals = new NewOriginals({ column, stride, memory, allocator });
  return { codes, originals: column, newOriginals };
}

/** The cells are in `directory` of the space. */
export function makeColumn(
  name: ColumnName,
  cellBytes: number,
  directory: Directory,
  { allocator, file, kernels }: PageStore,
): PageColumn {
  return new PageColumn({ name, cellBytes, directory, kernels, allocator, file });
}
