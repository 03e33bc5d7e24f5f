/** A filter of a call, parsed and compiled once, at the public border. */
import type { Json } from '../base/json.ts';
import { canonicalText } from '../filter/canonical-text.ts';
import { compileCondition } from '../filter/compile-filter.ts';
import type { Condition } from '../filter/condition.ts';
import { parseFilter } from '../filter/parse-filter.ts';

export interface CheckedFilter {
  readonly condition: Condition;
  /** The same for filters that say the same: what their results are kept by. */
  readonly text: string;
  readonly passes: (metadata: Json | undefined) => boolean;
}

/** Options with a filter of any type of metadata: what a filter is like is found when it is parsed. */
export type WithFilter<Options> = Omit<Options, 'filter'> & { readonly filter?: unknown };

/** Undefined when every record passes: no filter, or `{}`. `INVALID_ARGUMENT` with the path to what is wrong. */
export function checkFilter(filter: unknown): CheckedFilter | undefined {
  if (filter === undefined) return undefined;
  const condition = parseFilter(filter);
  if (condition.kind === 'and' && condition.conditions.length === 0) return undefined;
  return { condition, text: canonicalText(condition), passes: compileCondition(condition) };
}
