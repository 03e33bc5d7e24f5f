/** Adds up what the rounds of one search did. */
import type { SearchStats } from './record.ts';

const SUMS = [
  'hops',
  'distances',
  'listReads',
  'pageReads',
  'refined',
  'originalReads',
  'walkMs',
  'refineMs',
  'looked',
  'filterMs',
  'totalMs',
] as const;

/** Figures of both; plan, beam and exactness are those of the later one, 'walk' if either walked. */
export function addStats(before: SearchStats | undefined, last: SearchStats): SearchStats {
  if (before === undefined) return last;
  const sums = Object.fromEntries(SUMS.map((name) => [name, before[name] + last[name]]));
  const plan = before.plan === 'walk' ? before.plan : last.plan;
  return { ...last, ...sums, plan };
}
