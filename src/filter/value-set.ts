/** Deep equality of JSON, and sets by it: scalars by hash, arrays and objects one by one. */
import type { Json } from '../base/json.ts';
import { isObject } from './path.ts';

/** Values to be found equal to. Copies nothing; the values must not change. */
export class ValueSet {
  /** Whether a value equals one of the set. Bound: to be handed on as it is. */
  readonly test: (value: Json) => boolean;

  constructor(values: readonly Json[]) {
    const scalars = new Set(values.filter((value) => !isContainer(value)));
    const containers = values.filter(isContainer);
    const [only] = values;
    if (values.length === 1 && scalars.size === 1) this.test = (value) => value === only;
    else if (containers.length === 0) this.test = (value) => scalars.has(value);
    else {
      this.test = (value) =>
        isContainer(value) ? containers.some((one) => isEqual(one, value)) : scalars.has(value);
    }
  }
}

/** Deep equality: arrays in order, objects by their keys in any order; 0 equals -0; no type equals another. */
export function isEqual(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => isEqual(item, b[i]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}

function isContainer(value: Json): boolean {
  return typeof value === 'object' && value !== null;
}
