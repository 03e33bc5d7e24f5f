/**
 * A filter after parsing: a tree of few kinds, in which every synonym and shorthand of the language has gone. `$ne` is
 * `not` of `equal`, `$nor` is `not` of `or`, several keys are an `and`. Plain JSON, frozen by type; compiled by
 * `compile-filter.ts`, read by the planner.
 *
 * Rules that hold for every leaf:
 * - it is about one value, found by `path` (see `path.ts`); a missing value passes no leaf at all;
 * - so whatever passes without the field stands below a `not`.
 */
import type { Json } from '../base/json.ts';

/** Where a leaf finds its value: the path as it was written. Undefined, only inside `element`: the element itself. */
export type Path = string | undefined;

/** All of none is true. */
export interface AndCondition {
  readonly kind: 'and';
  readonly conditions: readonly Condition[];
}

/** Any of none is false. */
export interface OrCondition {
  readonly kind: 'or';
  readonly conditions: readonly Condition[];
}

export interface NotCondition {
  readonly kind: 'not';
  readonly condition: Condition;
}

/** `$eq`: deep equality; `null` only equals `null`. */
export interface EqualCondition {
  readonly kind: 'equal';
  readonly path: Path;
  readonly value: Json;
}

/** `$in`: the whole value equals one of `values`. */
export interface InCondition {
  readonly kind: 'in';
  readonly path: Path;
  readonly values: readonly Json[];
}

export type OrderOperator = '$gt' | '$gte' | '$lt' | '$lte';

/** Order of two numbers, or of two strings by code unit; a value of another type than the operand's fails. */
export interface OrderCondition {
  readonly kind: 'order';
  readonly path: Path;
  readonly operator: OrderOperator;
  readonly value: number | string;
}

/** `$exists: true`. */
export interface ExistsCondition {
  readonly kind: 'exists';
  readonly path: Path;
}

/** `$any`: an array with an element that equals one of `values`. */
export interface AnyCondition {
  readonly kind: 'any';
  readonly path: Path;
  readonly values: readonly Json[];
}

/** `$all`: an array in which each of `values` equals an element. */
export interface AllCondition {
  readonly kind: 'all';
  readonly path: Path;
  readonly values: readonly Json[];
}

/** `$contains`: an array with an element that equals `value`; or a string that `value`, a string, is a part of. */
export interface ContainsCondition {
  readonly kind: 'contains';
  readonly path: Path;
  readonly value: Json;
}

/** `$startsWith`: a string that begins so. */
export interface StartsWithCondition {
  readonly kind: 'startsWith';
  readonly path: Path;
  readonly prefix: string;
}

/** `$regex`: a string with a part that matches. `flags` are sorted, of i, m, s and u. */
export interface RegexCondition {
  readonly kind: 'regex';
  readonly path: Path;
  readonly source: string;
  readonly flags: string;
}

export type JsonType = 'string' | 'number' | 'boolean' | 'null' | 'array' | 'object';

/** `$type`: a value of one of the types. */
export interface TypeCondition {
  readonly kind: 'type';
  readonly path: Path;
  readonly types: readonly JsonType[];
}

/** `$size`: an array of so many elements. */
export interface SizeCondition {
  readonly kind: 'size';
  readonly path: Path;
  readonly size: number;
}

/** `$elemMatch`: an array with one element that passes all of `condition`. */
export interface ElementCondition {
  readonly kind: 'element';
  readonly path: Path;
  readonly condition: Condition;
}

/** A test of one value. */
export type LeafCondition =
  | EqualCondition
  | InCondition
  | OrderCondition
  | ExistsCondition
  | AnyCondition
  | AllCondition
  | ContainsCondition
  | StartsWithCondition
  | RegexCondition
  | TypeCondition
  | SizeCondition
  | ElementCondition;

export type Condition = AndCondition | OrCondition | NotCondition | LeafCondition;

/** Whatever passes all of them; one stands for itself, and none is true. */
export function allOf(conditions: readonly Condition[]): Condition {
  const flat = conditions.flatMap((condition) =>
    condition.kind === 'and' ? condition.conditions : [condition],
  );
  return flat.length === 1 ? flat[0] : { kind: 'and', conditions: flat };
}

/** Whatever passes one of them; one stands for itself, and none is false. */
export function anyOf(conditions: readonly Condition[]): Condition {
  const flat = conditions.flatMap((condition) =>
    condition.kind === 'or' ? condition.conditions : [condition],
  );
  return flat.length === 1 ? flat[0] : { kind: 'or', conditions: flat };
}

/** Whatever does not pass it. */
export function noneOf(condition: Condition): Condition {
  return condition.kind === 'not' ? condition.condition : { kind: 'not', condition };
}
