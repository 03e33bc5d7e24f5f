import type { CollectionInfo } from '../index.ts';
import { printable } from './printable.ts';

/** The vector spaces of a collection in words: the default one, if there is one, and the named ones. */
export function shownSpaces({ dimension, metric, namedVectors }: CollectionInfo): string {
  const named = Object.entries(namedVectors).map(
    ([name, space]) => `${printable(name)}: ${space.dimension} dimensions, ${space.metric}`,
  );
  const main = dimension === 0 ? [] : [`${dimension} dimensions, ${metric}`];
  return [...main, ...named].join('; ') || 'no vectors';
}
