/** Nested figures, as `stats()` and `check()` give them, as lines; units come from the names. */
import { formatBytes, formatMs, formatNumber } from './human.ts';
import { printable } from './printable.ts';

const indentWidth = 2;

/** One figure a line; objects and arrays of objects are indented below their name. */
export function figureLines(figures: object, depth = 0): string[] {
  const entries = Object.entries(figures).filter(([, value]) => value !== undefined);
  const names = entries.map(([name]) => words(name));
  const width = Math.max(0, ...names.map((name) => name.length)) + 2;
  const indent = ' '.repeat(depth * indentWidth);
  return entries.flatMap(([name, value], i) => {
    if (Array.isArray(value)) return arrayLines(names[i], value, depth);
    if (typeof value === 'object' && value !== null) {
      const below = figureLines(value, depth + 1);
      return below.length === 0 ? [] : [`${indent}${names[i]}`, ...below];
    }
    return [`${indent}${names[i].padEnd(width)}${figure(name, value)}`];
  });
}

function arrayLines(name: string, values: readonly unknown[], depth: number): string[] {
  const indent = ' '.repeat(depth * indentWidth);
  if (values.length === 0) return [];
  if (values.every((value) => typeof value !== 'object' || value === null)) {
    return [`${indent}${name}  ${values.map((value) => figure('', value)).join(', ')}`];
  }
  return values.flatMap((value, i) => [
    `${indent}${name} ${i + 1}`,
    ...figureLines(value as object, depth + 1),
  ]);
}

function figure(name: string, value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (/bytes(?:[A-Z]|$)|Bytes/u.test(name)) return formatBytes(Number(value));
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
