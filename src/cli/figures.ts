/** Nested figures, as `stats()` and `check()` give them, as lines; units come from the names. */
import { formatBytes, formatMs, formatNumber } from './human.ts';
import { printable } from './printable.ts';

const indentWidth = 2;

/**
 * One figure a line; objects are indented below their name, objects of plain figures in an array take a line
 * each. Elements of an array in which every figure is zero are left out.
 */
export function figureLines(figures: object, depth = 0, parent = ''): string[] {
  const entries = Object.entries(figures).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...entries.map(([name]) => words(name).length)) + 2;
  const indent = ' '.repeat(depth * indentWidth);
  return entries.flatMap(([name, value]) => {
    const shown = words(name);
    if (typeof value !== 'object' || value === null) {
      // In `{ partBytes: { a: 1, b: 2 } }` the unit stands one level up.
      const unitName = parent.endsWith('Bytes') ? parent : name;
      return [`${indent}${shown.padEnd(width)}${figure(unitName, value)}`];
    }
    const below = Array.isArray(value)
      ? value.flatMap((element, i) => elementLines(element, i, depth + 1))
      : figureLines(value, depth + 1, name);
    return below.length === 0 ? [] : [`${indent}${shown}`, ...below];
  });
}

/** An element is called by its name where it has one, else by its position. */
function elementLines(element: unknown, i: number, depth: number): string[] {
  const indent = ' '.repeat(depth * indentWidth);
  if (typeof element !== 'object' || element === null) return [`${indent}${figure('', element)}`];
  const { id: _, name, collection, ...rest } = element as Record<string, unknown>;
  const label = printable(String(name ?? collection ?? i));
  const entries = Object.entries(rest);
  const isPlain = entries.every(([, value]) => typeof value !== 'object');
  if (!isPlain) {
    const below = figureLines(rest, depth + 1);
    return below.length === 0 ? [] : [`${indent}${label}`, ...below];
  }
  if (entries.every(([, value]) => value === 0)) return [];
  const line = entries.map(([key, value]) => `${words(key)} ${figure(key, value)}`).join(', ');
  return [`${indent}${label}  ${line}`];
}

function figure(name: string, value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (/^bytes|Bytes/u.test(name)) return formatBytes(Number(value));
    if (/Ms$/u.test(name)) return formatMs(Number(value));
    return formatNumber(value);
  }
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return printable(String(value));
}

/** `logBytesWritten` → `log written`; units go, as the figure says them. */
function words(name: string): string {
  const spaced = printable(name)
    .replace(/(Bytes|Ms)(?=[A-Z]|$)/u, '')
    .replace(/^bytes(?=[A-Z])/u, '')
    .replace(/([a-z0-9])([A-Z])/gu, '$1 $2')
    .toLowerCase();
  return spaced === '' ? name : spaced;
}
