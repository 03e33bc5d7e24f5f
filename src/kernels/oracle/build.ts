/** A leaf of a bulk build in plain TypeScript, with the roundings of the kernels (`assembly/build-*.ts`). */
import { METRIC_DOT, METRIC_L2 } from '../layout.ts';
import type { Comparison } from './prune.ts';
import type { Sq8Code } from './sq8.ts';

export interface LeafRule {
  /** f32, as BUILD_FACTOR. */
  readonly factor: number;
  readonly nearest: number;
  readonly keptMax: number;
  readonly candidatesMax: number;
  readonly cap: number;
}

interface Row {
  readonly scale: number;
  readonly mean: number;
  readonly spread: number;
  readonly rest: number;
  readonly code: Int32Array;
}

interface Candidate {
  readonly node: number;
  readonly distance: number;
  /** In the list of the member already. */
  readonly isOld: boolean;
  /** Position in the leaf, or behind all in the list: breaks ties. */
  readonly rank: number;
}

const { fround } = Math;
const OLD = 0x10000;

/** How rows that were made of codes are compared. */
export function byRows(metric: number, codes: readonly Sq8Code[]): Comparison {
  const rows = codes.map(rowOf);
  return {
    distance: (left, right) => rowDistance(rows[left], rows[right], metric),
    isSame: (left, right) => isSame(rows[left], rows[right]),
  };
}

/** The same with the spread that a slot says, as what is met once is measured (`assembly/build-met.ts`). */
export function bySlots(metric: number, codes: readonly Sq8Code[]): Comparison {
  const rows = codes.map((code) => ({ ...rowOf(code), spread: code.spread }));
  return {
    distance: (left, right) => rowDistance(rows[left], rows[right], metric),
    isSame: (left, right) => isSame(rows[left], rows[right]),
  };
}

export interface JoinRule {
  /** f32, as BUILD_SLACK. */
  readonly slack: number;
  readonly least: number;
  readonly cap: number;
  /** Of what neighbours name, so many are looked at further. */
  readonly offered: number;
}

/** The list of a node after it was chosen once more, with what its neighbours name (`assembly/build-join.ts`). */
export function joinList(
  { between, met }: { readonly between: Comparison; readonly met: Comparison },
  node: number,
  lists: readonly (readonly number[])[],
  rule: JoinRule,
): number[] {
  const old = lists[node];
  const named = new Set(old.flatMap((neighbour) => lists[neighbour]));
  const offered = [...named]
    .filter((id) => id !== node && !old.includes(id))
    .map((id) => ({ node: id, distance: met.distance(node, id), isOld: false, rank: id }))
    .sort(byKey)
    .slice(0, rule.offered);
  const all = [...old, ...offered.map((candidate) => candidate.node)]
    .map((id, rank) => ({
      node: id,
      distance: between.distance(node, id),
      isOld: rank < old.length,
      rank,
    }))
    .sort(byKey);
  const { distance: near, isSame: same } = between;
  const strict = prune(all, { near, same, factor: 1, limit: rule.cap });
  const rest = all.filter((candidate) => !strict.includes(candidate));
  const chosen = prune(rest, { near, same, factor: rule.slack, limit: rule.least }, strict);
  return chosen.sort(byKey).map((candidate) => candidate.node);
}

/** The lists of the members after the leaf was built; `lists` has those of all nodes before. */
export function buildLeaf(
  { distance: near, isSame: same }: Comparison,
  members: readonly number[],
  lists: readonly (readonly number[])[],
  rule: LeafRule,
): Map<number, number[]> {
  const chosen = members.map((member, position) => {
    const others = members
      .map((node, rank) => ({ node, distance: near(member, node), isOld: false, rank }))
      .filter(({ rank }) => rank !== position);
    const nearest = others.sort(byKey).slice(0, rule.nearest);
    return prune(nearest, { near, same, factor: rule.factor, limit: rule.keptMax });
  });
  const candidates = chosen.map((own) => [...own]);
  chosen.forEach((own, rank) => {
    for (const { rank: target, distance } of own) {
      if (candidates[target].length === rule.candidatesMax) continue;
      candidates[target].push({ node: members[rank], distance, isOld: false, rank });
    }
  });
  const built = new Map<number, number[]>();
  members.forEach((member, position) => {
    const old = lists[member];
    const fresh = new Map<number, Candidate>();
    for (const candidate of candidates[position]) {
      if (!old.includes(candidate.node)) fresh.set(candidate.node, candidate);
    }
    const kept = old.map((node, i) => ({
      node,
      distance: near(member, node),
      isOld: true,
      rank: OLD + i,
    }));
    const all = [...fresh.values(), ...kept].sort(byKey);
    const next =
      fresh.size === 0
        ? [...old]
        : prune(all, { near, same, factor: rule.factor, limit: rule.cap }).map(({ node }) => node);
    built.set(member, next);
  });
  return built;
}

function byKey(a: Candidate, b: Candidate): number {
  return a.distance - b.distance || a.rank - b.rank;
}

function prune(
  sorted: readonly Candidate[],
  rule: {
    readonly near: (a: number, b: number) => number;
    readonly same: (a: number, b: number) => boolean;
    readonly factor: number;
    readonly limit: number;
  },
  before: readonly Candidate[] = [],
): Candidate[] {
  const chosen: Candidate[] = [...before];
  for (const candidate of sorted) {
    if (chosen.length >= rule.limit) break;
    const isCrowded = chosen.some(
      (other) =>
        !(candidate.isOld && other.isOld) &&
        (fround(rule.factor * rule.near(candidate.node, other.node)) < candidate.distance ||
          rule.same(candidate.node, other.node)),
    );
    if (!isCrowded) chosen.push(candidate);
  }
  return chosen;
}

function rowOf({ scale, mean, spread, code }: Sq8Code): Row {
  const sum = code.reduce((total, step) => total + step, 0);
  const center = Math.floor((sum + (code.length >>> 1)) / code.length);
  const centered = Int32Array.from(code, (step) => step - center);
  const rest = fround(sum - center * code.length);
  const squares = fround(dot(centered, centered));
  const own = fround(
    fround(scale * scale) * fround(squares - fround(fround(rest * rest) / code.length)),
  );
  return { scale, mean, rest, code: centered, spread: scale === 0 ? spread : own };
}

function rowDistance(a: Row, b: Row, metric: number): number {
  const n = a.code.length;
  const rests = fround(fround(a.rest * b.rest) / n);
  const product = fround(fround(a.scale * b.scale) * fround(fround(dot(a.code, b.code)) - rests));
  if (metric === METRIC_DOT) return -fround(fround(n * fround(a.mean * b.mean)) + product);
  const shift = fround(a.mean - b.mean);
  const around = fround(fround(a.spread + b.spread) - fround(2 * product));
  const squared = fround(fround(fround(n * shift) * shift) + Math.max(around, 0));
  return metric === METRIC_L2 ? squared : fround(0.5 * squared);
}

function dot(a: Int32Array, b: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function isSame(a: Row, b: Row): boolean {
  return (
    a.scale === b.scale &&
    a.mean === b.mean &&
    a.spread === b.spread &&
    a.rest === b.rest &&
    a.code.every((step, i) => step === b.code[i])
  );
}
