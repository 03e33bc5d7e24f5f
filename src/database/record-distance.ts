/** The exact distance of two stored records. */
import { DatabaseError } from '../errors.ts';
import { METRIC_COSINE, METRIC_DOT, METRIC_L2 } from '../kernels/layout.ts';
import { exactDistance } from '../kernels/oracle/exact.ts';
import type { CollectionStore } from './collection-store.ts';
import { NO_NODE, nodeOf } from './head.ts';
import { spaceOptions } from './named-vectors.ts';
import type { EffectiveCollectionOptions, Metric } from './options.ts';
import { findLiving, type ReadView } from './read-view.ts';
import type { RecordId } from './record.ts';
import { encodeId } from './record-id.ts';
import { checkKeys, checkNamespace, checkOneOf, describe, invalid } from './validate.ts';

/** Options of `Collection.distance`. */
export interface DistanceOptions {
  /** Default: that of the vector space. */
  readonly metric?: Metric | undefined;
  /** The vector space. Default: the default one. */
  readonly vectorName?: string | undefined;
  /** Of both records. Default: '' (the default namespace). */
  readonly namespace?: string | undefined;
}

/** @internal */
export interface CheckedDistance {
  readonly ids: readonly [RecordId, RecordId];
  readonly metric: Metric;
  readonly vectorName: string | undefined;
  readonly namespace: string;
}

const METRIC_CODES = { l2: METRIC_L2, cosine: METRIC_COSINE, dot: METRIC_DOT };

/** @internal */
export function checkDistance(
  ids: readonly [RecordId, RecordId],
  options: DistanceOptions,
  collection: EffectiveCollectionOptions,
): CheckedDistance {
  checkKeys(options, ['metric', 'vectorName', 'namespace'], 'distance');
  const { vectorName, namespace = '' } = options;
  const named = vectorName === undefined ? 'distance' : 'vectorName';
  const space = spaceOptions(collection, vectorName, named);
  encodeId(ids[0], 'idA');
  encodeId(ids[1], 'idB');
  return {
    ids,
    metric: checkOneOf(options.metric ?? space.metric, 'metric', ['l2', 'cosine', 'dot']),
    vectorName,
    namespace: checkNamespace(namespace, 'namespace'),
  };
}

/** @internal In double precision, of the vectors as they are stored. */
export function distanceOf(
  store: CollectionStore,
  checked: CheckedDistance,
  view: ReadView,
): number {
  const { ids, metric, vectorName, namespace } = checked;
  const space = store.spaceNamed(vectorName);
  const [a, b] = ids.map((id) => {
    const found = findLiving(store.reader, { namespace, id: encodeId(id) }, view);
    if (found === undefined) {
      throw new DatabaseError('NOT_FOUND', `id: there is no record ${describe(id)}`);
    }
    const node = nodeOf(found.head, space.ordinal);
    if (node !== NO_NODE) return space.vectors.readVector(node);
    const what = space.ordinal === 0 ? 'vector' : `vector ${describe(space.name)}`;
    throw invalid(`id: the record ${describe(id)} has no ${what}`);
  });
  const measured = exactDistance(METRIC_CODES[metric], a, b);
  return metric === 'l2' ? Math.sqrt(measured) : measured;
}
