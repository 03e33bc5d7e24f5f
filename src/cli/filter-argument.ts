/** `--filter JSON`, for the commands that read many records. */
import type { Filter } from '../index.ts';
import { usageError } from './command-error.ts';

export const filterOption = {
  kind: 'value',
  short: 'f',
  value: 'JSON',
  help: 'Only records whose metadata passes, as \'{"year": {"$gt": 2020}}\'.',
} as const;

/** What the filter means is checked by the library, which names the path to a mistake. */
export function parseFilterArgument(text: string | undefined): Filter | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Filter;
  } catch {
    throw usageError('--filter: expected JSON as \'{"year": {"$gt": 2020}}\'');
  }
}
