/**
 * What a filter means, as slowly and plainly as it can be said: straight from its JSON, without any part of the
 * parser or the compiler. The reference of the property tests.
 */
import type { Json } from '../../src/base/json.ts';

type JsonObject = { readonly [key: string]: Json };

export function evaluate(filter: JsonObject, metadata: Json | undefined): boolean {
  return Object.entries(filter).every(([key, operand]) => {
    const parts = operand as readonly JsonObject[];
    if (key === '$and') return parts.every((part) => evaluate(part, metadata));
    if (key === '$or') return parts.some((part) => evaluate(part, metadata));
    if (key === '$nor') return !parts.some((part) => evaluate(part, metadata));
    if (key === '$not') return !evaluate(operand as JsonObject, metadata);
    return passes(operand, find(metadata, key));
  });
}

/** Every way to cut the path into keys, those with longer first keys first; the first that leads somewhere. */
export function find(metadata: Json | undefined, path: string): Json | undefined {
  for (const keys of cuts(path.split('.'))) {
    let value: Json | undefined = metadata;
    for (const key of keys) {
      const entry = isObject(value)
        ? Object.entries(value).find(([name]) => name === key)
        : undefined;
      value = entry?.[1];
    }
    if (value !== undefined) return value;
  }
  return undefined;
}

function cuts(parts: readonly string[]): string[][] {
  if (parts.length === 0) return [[]];
  const all: string[][] = [];
  for (let length = parts.length; length > 0; length--) {
    const first = parts.slice(0, length).join('.');
    for (const rest of cuts(parts.slice(length))) all.push([first, ...rest]);
  }
  return all;
}

/** Whether a value passes what stands for it in a filter: operators, or a value that it has to equal. */
function passes(operand: Json, value: Json | undefined): boolean {
  const isOperators = isObject(operand) && Object.keys(operand).some((key) => key.startsWith('$'));
  if (!isOperators) return value !== undefined && same(operand, value);
  return Object.entries(operand).every(([name, inside]) => operate(name, inside, value, operand));
}

function operate(name: string, operand: Json, value: Json | undefined, all: JsonObject): boolean {
  const list = operand as readonly Json[];
  switch (name) {
    case '$ne':
      return !operate('$eq', operand, value, all);
    case '$nin':
      return !operate('$in', operand, value, all);
    case '$not':
      return !passes(operand, value);
    case '$exists':
      return (value !== undefined) === operand;
    case '$options':
      return true;
  }
  if (value === undefined) return false;
  switch (name) {
    case '$eq':
      return same(value, operand);
    case '$in':
      return list.some((one) => same(one, value));
    case '$type':
      return [operand]
        .flat()
        .includes(value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
    case '$regex':
      return (
        typeof value === 'string' &&
        new RegExp(operand as string, all.$options as string).test(value)
      );
    case '$startsWith':
      return typeof value === 'string' && value.indexOf(operand as string) === 0;
    case '$contains':
      if (typeof value === 'string') return typeof operand === 'string' && value.includes(operand);
      break;
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return inOrder(name, value, operand);
  }
  if (!Array.isArray(value)) return false;
  const elements = value as readonly Json[];
  switch (name) {
    case '$contains':
      return elements.some((element) => same(element, operand));
    case '$any':
    case '$contains_any':
      return elements.some((element) => list.some((one) => same(one, element)));
    case '$all':
    case '$contains_all':
      return list.every((one) => elements.some((element) => same(one, element)));
    case '$size':
      return elements.length === operand;
    case '$elemMatch':
      return elements.some((element) => passesElement(operand as JsonObject, element));
  }
  throw new Error(`the reference does not know ${name}`);
}

/** Operators are about the element, plain keys about its fields. */
function passesElement(filter: JsonObject, element: Json): boolean {
  return Object.entries(filter).every(([key, operand]) => {
    const parts = operand as readonly JsonObject[];
    if (key === '$and') return parts.every((part) => passesElement(part, element));
    if (key === '$or') return parts.some((part) => passesElement(part, element));
    if (key === '$nor') return !parts.some((part) => passesElement(part, element));
    if (key === '$not') return !passesElement(operand as JsonObject, element);
    if (key.startsWith('$')) return operate(key, operand, element, filter);
    return passes(operand, find(element, key));
  });
}

function inOrder(name: string, value: Json, operand: Json): boolean {
  const bothNumbers = typeof value === 'number' && typeof operand === 'number';
  const bothStrings = typeof value === 'string' && typeof operand === 'string';
  if (!bothNumbers && !bothStrings) return false;
  if (value === operand) return name.endsWith('e');
  const isLess = bothNumbers
    ? (value as number) < (operand as number)
    : [value, operand].sort()[0] === value;
  return name.startsWith('$l') === isLess;
}

function same(a: Json, b: Json): boolean {
  return textOf(a) === textOf(b);
}

/** JSON with sorted keys; -0 is written as 0. */
function textOf(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${textOf(value[key])}`).join()}}`;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
