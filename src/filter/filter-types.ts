/**
 * Filters typed by the metadata that they are about: a field that is not there, an operand of another type and an
 * operator that the field's type does not have are errors of the compiler. What types cannot tell (sizes, patterns)
 * is checked by `parse-filter.ts`, which also serves those who write JavaScript.
 *
 * Where metadata is not described (`unknown`, `any`, an index signature), any JSON goes: `AnyFilter`.
 */
import type { Json } from '../base/json.ts';
import type { JsonType } from './condition.ts';

/**
 * A filter on metadata of type `Meta`: fields, dot paths of fields up to six keys long, and `$and`, `$or`, `$nor`,
 * `$not`. See docs/filters.md.
 */
export type Filter<Meta = unknown> = unknown extends Meta
  ? AnyFilter
  : IsOpen<KeysOf<Stored<Meta>>> extends true
    ? AnyFilter
    : TypedFilter<Stored<Meta>>;

/** A filter on metadata of which nothing is known; operands are JSON. */
export type AnyFilter = {
  readonly $and?: readonly AnyFilter[];
  readonly $or?: readonly AnyFilter[];
  readonly $nor?: readonly AnyFilter[];
  readonly $not?: AnyFilter;
} & { readonly [path: string]: Operand };

/** JSON; objects of an interface are among it, which the compiler does not take for `Json`. */
type Operand = Json | object;

type TypedFilter<Meta> = {
  readonly $and?: readonly TypedFilter<Meta>[];
  readonly $or?: readonly TypedFilter<Meta>[];
  readonly $nor?: readonly TypedFilter<Meta>[];
  readonly $not?: TypedFilter<Meta>;
} & {
  readonly [Entry in FieldsOf<Meta> as Entry[0]]?: FieldFilter<Entry[1]>;
};

/** A value that the field has to equal, or operators. */
type FieldFilter<T> = unknown extends T ? Operand : T | FieldOperators<T>;

type FieldOperators<T> = ValueOperators<T> & { readonly $not?: FieldOperators<T> };

/** All operators that a value of type T has, but `$not`, which is about other things in `$elemMatch`. */
type ValueOperators<T> = EveryOperator<T> &
  If<Extract<T, string>, StringOperators> &
  If<Extract<T, string | number>, OrderOperators<Wide<Extract<T, string | number>>>> &
  ArrayOperators<ElementOf<T>> &
  If<Extract<T, string> | ElementOf<T>, { readonly $contains?: Part<T> }>;

type EveryOperator<T> = {
  readonly $eq?: T;
  readonly $ne?: T;
  readonly $in?: readonly T[];
  readonly $nin?: readonly T[];
  readonly $exists?: boolean;
  readonly $type?: JsonType | readonly JsonType[];
};

type OrderOperators<T> = {
  readonly $gt?: T;
  readonly $gte?: T;
  readonly $lt?: T;
  readonly $lte?: T;
};

type StringOperators = {
  readonly $startsWith?: string;
  readonly $regex?: string;
  /** Flags of `$regex`: some of the letters i, m, s, u. */
  readonly $options?: string;
};

type ArrayOperators<Element> = If<
  Element,
  {
    readonly $any?: readonly Element[];
    readonly $contains_any?: readonly Element[];
    readonly $all?: readonly Element[];
    readonly $contains_all?: readonly Element[];
    readonly $size?: number;
    readonly $elemMatch?: ElementFilter<Element>;
  }
>;

/** Of one element: its fields if it has any, operators on itself otherwise. */
type ElementFilter<T> = unknown extends T
  ? AnyFilter
  : ([KeysOf<T>] extends [never] ? never : Filter<Extract<T, object>>) | ElementOperators<T>;

type ElementOperators<T> = ValueOperators<T> & {
  readonly $and?: readonly ElementFilter<T>[];
  readonly $or?: readonly ElementFilter<T>[];
  readonly $nor?: readonly ElementFilter<T>[];
  readonly $not?: ElementFilter<T>;
};

/** What `$contains` looks for: an element, or a part of a string. */
type Part<T> = ElementOf<T> | (Extract<T, string> extends never ? never : string);

/** An empty condition where T is never. */
type If<T, Then> = [T] extends [never] ? unknown : Then;

type ElementOf<T> = T extends readonly (infer Element)[] ? Element : never;

type Wide<T> = T extends string ? string : T extends number ? number : never;

/** What comes back from JSON: a Date, for instance, is a string. */
type Stored<T> = T extends { toJSON(): infer Plain } ? Plain : T;

/** Names of the fields of an object; none of scalars and arrays. */
type KeysOf<T> = T extends readonly unknown[] ? never : T extends object ? keyof T & string : never;

/** Whether fields may have any name, or there is nothing to tell. */
type IsOpen<Keys> = [Keys] extends [never] ? true : string extends Keys ? true : false;

/** How many keys a path may still have below one. */
type Below = [never, 0, 1, 2, 3, 4];

/** Pairs of a path and the type of what it leads to, for all paths of an object, or of any object of a union. */
type FieldsOf<
  T,
  Depth extends number = 5,
  Prefix extends string = '',
> = T extends readonly unknown[]
  ? never
  : T extends object
    ? {
        [K in keyof T & string]-?: FieldAt<
          Stored<Exclude<T[K], undefined>>,
          `${Prefix}${K}`,
          Depth
        >;
      }[keyof T & string]
    : never;

type FieldAt<T, Path extends string, Depth extends number> =
  | readonly [Path, T]
  | (unknown extends T ? never : FieldsBelow<T, Path, Below[Depth]>);

type FieldsBelow<T, Path extends string, Depth> = Depth extends number
  ? FieldsOf<T, Depth, `${Path}.`>
  : never;
