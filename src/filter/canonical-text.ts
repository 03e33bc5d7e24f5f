/**
 * One text for filters that say the same in another order or with other shorthands: what results are kept by.
 * Different texts may still mean the same.
 */
import type { Json } from '../base/json.ts';
import type { Condition } from './condition.ts';

/** Equal texts only for conditions that pass the same metadata. */
export function canonicalText(condition: Condition): string {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return `${condition.kind}(${sortedTexts(condition.conditions, canonicalText)})`;
    case 'not':
      return `not(${canonicalText(condition.condition)})`;
    case 'element':
      return `element(${JSON.stringify(condition.path ?? null)},${canonicalText(condition.condition)})`;
    case 'in':
    case 'any':
    case 'all':
      return `${condition.kind}(${JSON.stringify(condition.path ?? null)},${sortedTexts(condition.values, valueText)})`;
    case 'type':
      return `type(${JSON.stringify(condition.path ?? null)},${sortedTexts(condition.types, valueText)})`;
    default: {
      // Properties come in the order in which the parser writes them, keys of operands sorted.
      const { kind, path, ...operands } = condition;
      return `${kind}(${JSON.stringify(path ?? null)},${Object.values(operands).map(valueText).join()})`;
    }
  }
}

function valueText(value: Json): string {
  return JSON.stringify(value);
}

function sortedTexts<T>(items: readonly T[], textOf: (item: T) => string): string {
  return [...new Set(items.map(textOf))].sort().join();
}
