/**
 * How a path of a filter finds its value in metadata: the one place that knows, for filters and indexes alike.
 *
 * A path is keys of nested objects, joined by dots. A key may itself contain dots: at each object the longest key
 * that is there goes first, and a shorter one is tried when the rest is missing below it. So `a.b` finds `1` in
 * `{"a.b": 1}`, in `{"a": {"b": 1}}`, and in both at once the first. Arrays have no positions.
 */
import type { Json } from '../base/json.ts';

/** The value at a path; undefined when it is missing, as always in metadata that is no object. */
export type PathReader = (metadata: unknown) => Json | undefined;

/** A reader of one path, to be used many times. */
export function pathReader(path: string): PathReader {
  if (!path.includes('.')) return (metadata) => ownValue(metadata, path);
  return (metadata) => valueAt(metadata, path);
}

/** The value at a path; undefined when it is missing. O(keys on the way x dots in the path). */
export function valueAt(metadata: unknown, path: string): Json | undefined {
  const whole = ownValue(metadata, path);
  if (whole !== undefined || !isObject(metadata)) return whole;
  for (let dot = path.lastIndexOf('.'); dot >= 0; dot = path.lastIndexOf('.', dot - 1)) {
    const below = ownValue(metadata, path.slice(0, dot));
    const value = isObject(below) ? valueAt(below, path.slice(dot + 1)) : undefined;
    if (value !== undefined) return value;
    if (dot === 0) break;
  }
  return undefined;
}

export function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own properties only: `constructor` and `__proto__` are keys as others are. */
function ownValue(metadata: unknown, key: string): Json | undefined {
  return isObject(metadata) && Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}
