/** The subjects of the search bench by their names. */
import type { Vectors } from '../harness/vector-file.ts';
import { HnswlibNativeSubject } from './hnswlib-native-subject.ts';
import { HnswlibSubject } from './hnswlib-subject.ts';
import { byRecall, StratavecSubject } from './stratavec-subject.ts';
import type { IndexOptions, Subject } from './subject.ts';
import { UsearchSubject } from './usearch-subject.ts';

const makers: Readonly<Record<string, (options: IndexOptions, queries: Vectors) => Subject>> = {
  stratavec: (options, queries) => new StratavecSubject(options, queries),
  // The grid of the bench is one of recalls to it: 1 - 1 / ef.
  'stratavec-recall': (options, queries) => new StratavecSubject(options, queries, byRecall),
  'hnswlib-node': (options, queries) => new HnswlibSubject(options, queries),
  'hnswlib-native': (options, queries) => new HnswlibNativeSubject(options, queries),
  'usearch-f32': (options, queries) => new UsearchSubject(options, queries, 'f32'),
  'usearch-i8': (options, queries) => new UsearchSubject(options, queries, 'i8'),
};

/** All but stratavec, by beam width and by recall. */
export const searchPeers: readonly string[] = Object.keys(makers).slice(2);

export function makeSubject(name: string, options: IndexOptions, queries: Vectors): Subject {
  const make = makers[name];
  if (make === undefined) throw new Error(`no subject '${name}'`);
  return make(options, queries);
}
