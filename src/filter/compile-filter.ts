/**
 * Conditions as closures: a filter is compiled once and then asked for each record, so that nothing of its form is
 * looked at again. Tests of a value come first, the reader of a path is put in front of them.
 */
import type { Json } from '../base/json.ts';
import type { Condition, JsonType, LeafCondition, OrderCondition } from './condition.ts';
import { isObject, pathReader } from './path.ts';
import { ValueSet } from './value-set.ts';

/** Whether metadata passes; undefined is a record without metadata. */
export type Predicate = (metadata: Json | undefined) => boolean;

/** Asked only for a value that is there. */
type ValueTest = (value: Json) => boolean;

/** A function that tells whether metadata passes the condition. Pure, and never throws. */
export function compileCondition(condition: Condition): Predicate {
  switch (condition.kind) {
    case 'and': {
      const parts = condition.conditions.map(compileCondition);
      return (metadata) => parts.every((part) => part(metadata));
    }
    case 'or': {
      const parts = condition.conditions.map(compileCondition);
      return (metadata) => parts.some((part) => part(metadata));
    }
    case 'not': {
      const part = compileCondition(condition.condition);
      return (metadata) => !part(metadata);
    }
    default:
      return compileLeaf(condition);
  }
}

function compileLeaf(condition: LeafCondition): Predicate {
  const test = valueTest(condition);
  const { path } = condition;
  const read = path === undefined ? (element: Json | undefined) => element : pathReader(path);
  return (metadata) => {
    const value = read(metadata);
    return value !== undefined && test(value);
  };
}

function valueTest(condition: LeafCondition): ValueTest {
  switch (condition.kind) {
    case 'exists':
      return () => true;
    case 'equal':
      return new ValueSet([condition.value]).test;
    case 'in':
      return new ValueSet(condition.values).test;
    case 'order':
      return orderTest(condition);
    case 'any': {
      const { test } = new ValueSet(condition.values);
      return (value) => Array.isArray(value) && value.some(test);
    }
    case 'all': {
      const tests = condition.values.map((value) => new ValueSet([value]).test);
      return (value) => Array.isArray(value) && tests.every((test) => value.some(test));
    }
    case 'contains':
      return containsTest(condition.value);
    case 'startsWith': {
      const { prefix } = condition;
      return (value) => typeof value === 'string' && value.startsWith(prefix);
    }
    case 'regex': {
      const regex = new RegExp(condition.source, condition.flags);
      return (value) => typeof value === 'string' && regex.test(value);
    }
    case 'type': {
      const { types } = condition;
      return (value) => types.includes(typeOf(value));
    }
    case 'size': {
      const { size } = condition;
      return (value) => Array.isArray(value) && value.length === size;
    }
    case 'element': {
      const test = compileCondition(condition.condition);
      return (value) => Array.isArray(value) && value.some(test);
    }
  }
}

function orderTest({ operator, value: bound }: OrderCondition): ValueTest {
  // Strings compare by code unit, as the operators of the language do.
  const type = typeof bound;
  if (operator === '$gt')
    return (value) => typeof value === type && (value as typeof bound) > bound;
  if (operator === '$gte')
    return (value) => typeof value === type && (value as typeof bound) >= bound;
  if (operator === '$lt')
    return (value) => typeof value === type && (value as typeof bound) < bound;
  return (value) => typeof value === type && (value as typeof bound) <= bound;
}

function containsTest(part: Json): ValueTest {
  const { test } = new ValueSet([part]);
  if (typeof part !== 'string') return (value) => Array.isArray(value) && value.some(test);
  return (value) =>
    typeof value === 'string' ? value.includes(part) : Array.isArray(value) && value.some(test);
}

/** What `$type` calls a value. */
export function typeOf(value: Json): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return isObject(value) ? 'object' : (typeof value as JsonType);
}
