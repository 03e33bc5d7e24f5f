/**
 * The k nearest groups of a search: records with an equal value at a path of their metadata. Nearest matches are
 * taken one after the other; more of them are asked for until there are k groups, or no more matches.
 */
import { valueAt } from '../filter/path.ts';
import type { Match } from './match.ts';
import type { Json, SearchStats } from './record.ts';
import type { RecordReader } from './record-reader.ts';
import type { CheckedGroups } from './search-plan.ts';
import { addStats } from './search-stats.ts';
import type { Found } from './searcher.ts';
import { TimeSlice } from './time-slice.ts';

export interface Grouped {
  readonly matches: readonly (Match & { readonly group: Json })[];
  readonly stats: SearchStats;
}

export interface GroupRequest extends CheckedGroups {
  /** Groups. */
  readonly k: number;
  /** Asks for more until all groups are full, too. */
  readonly isExact: boolean;
  /** The n nearest matches; fewer: there are no more. */
  readonly rank: (n: number) => Promise<Found>;
  readonly reader: RecordReader;
  readonly sequence: number;
  readonly nMax: number;
}

export async function searchGroups(request: GroupRequest): Promise<Grouped> {
  const { k, size, isExact, rank, nMax } = request;
  const values = new Map<number, Json | undefined>();
  let stats: SearchStats | undefined;
  for (let n = Math.min(nMax, 2 * k * size); ; n = Math.min(nMax, 4 * n)) {
    const found = await rank(n);
    stats = addStats(stats, found.stats);
    const groups = await group(found.matches, values, request);
    const isWhole = found.matches.length < n || n === nMax;
    const isFull = groups.length === k && groups.every(({ length }) => length === size);
    if (isWhole || isFull || (groups.length === k && !isExact)) {
      return { matches: groups.flat(), stats };
    }
  }
}

/** The first k groups, by their nearest hit; of each the first `size`. */
async function group(
  matches: readonly Match[],
  values: Map<number, Json | undefined>,
  { field, size, k, reader, sequence }: GroupRequest,
): Promise<Grouped['matches'][number][][]> {
  const groups = new Map<string, Grouped['matches'][number][]>();
  const slice = new TimeSlice();
  for (const match of matches) {
    const { record, head } = match;
    if (!values.has(record)) {
      const metadata = head.hasBody ? reader.body(record, sequence).metadata : undefined;
      values.set(record, valueAt(metadata, field));
      if (slice.isOver) await slice.yield();
    }
    const value = values.get(record);
    if (value === undefined) continue;
    const key = canonical(value);
    const members = groups.get(key);
    if (members === undefined && groups.size < k) groups.set(key, [{ ...match, group: value }]);
    else if (members !== undefined && members.length < size)
      members.push({ ...match, group: value });
  }
  return [...groups.values()];
}

/** Equal for values that are deeply equal: keys of objects in any order. */
function canonical(value: Json): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
