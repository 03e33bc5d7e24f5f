import type { Metric } from '../index.ts';

/** The metrics that a collection can have, the default first. */
export const metrics: readonly Metric[] = ['cosine', 'l2', 'dot'];
