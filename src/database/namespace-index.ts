/**
 * Which records are in which namespace: number 0 of a collection in the tree `fields`, by a hash of the name.
 * Only namespaces other than the default one are listed, so that the many collections that use one pay
 * nothing; the default namespace is everything that is not listed. Names of equal hash share their entries:
 * a reader checks the namespace in the head of what it finds.
 */
import type { Hasher } from '../base/hasher.ts';
import { FIRST_CODE, keywordCode, LAST_CODE } from '../filter/index-code.ts';
import { type CodeSlice, codeSlices } from '../filter/index-scan.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { FIELDS_TREE, NAMESPACE_FIELD } from './trees.ts';

/** The entries of records in `namespace`; for the default one, those of all others. */
export function namespaceSlices(
  engine: LsmEngine,
  at: { readonly hasher: Hasher; readonly collection: number; readonly sequence: number },
  namespace: string,
): Generator<CodeSlice, undefined> {
  const { hasher, collection, sequence } = at;
  const code = namespace === '' ? undefined : keywordCode(namespace, hasher);
  const range = { from: code ?? FIRST_CODE, to: code ?? LAST_CODE };
  const tree = { engine, tree: FIELDS_TREE, number: NAMESPACE_FIELD };
  return codeSlices({ ...tree, ...range, collection, sequence });
}
