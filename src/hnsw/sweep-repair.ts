/**
 * One list of a sweep: the edges to ghosts out, and in their place edges to living nodes that the ghosts'
 * own lists name, at most three for each ghost, chosen by the diversity rule, with slack. Edges that
 * the list keeps are never dropped, so whoever had an edge of it keeps that.
 *
 * Where ghosts name only ghosts (a whole neighbourhood was deleted) the search for replacements goes on
 * through them, up to a bound; what is still too short afterwards is linked again by a search of the graph.
 */
import { METRIC_DOT, METRIC_L2 } from '../kernels/layout.ts';
import { codeDistance } from './code-distance.ts';
import type { NodeBits } from './node-bits.ts';
import type { WalkContext } from './walk-driver.ts';

/** Replacements from the list of one ghost. */
const REPLACEMENTS_MAX = 3;

/** Ghosts whose lists are looked at for one list. */
const GHOSTS_MAX = 64;

export interface DamagedList {
  readonly layer: number;
  readonly node: number;
  /** What the list names: ghosts of the sweep, and the others. */
  readonly gone: readonly number[];
  readonly kept: readonly number[];
}

export interface RepairOptions {
  /** The ghosts that go. */
  readonly ghosts: NodeBits;
  /** Edges that a list has at most, and neighbours that an insertion chooses. */
  readonly cap: number;
  readonly m: number;
  readonly alpha: number;
}

interface Candidate {
  readonly node: number;
  readonly distance: number;
}

/** The list as it is to be; reads lists and codes, changes nothing. */
export function repairedList(
  context: WalkContext,
  damaged: DamagedList,
  options: RepairOptions,
): Uint32Array {
  const { sure, candidates } = findReplacements(context, damaged, options.ghosts);
  const length = damaged.kept.length + damaged.gone.length;
  const list = [...damaged.kept, ...sure].slice(0, options.cap);
  candidates.sort((a, b) => a.distance - b.distance || a.node - b.node);
  const passed: Candidate[] = [];
  for (const candidate of candidates) {
    if (list.length >= length) break;
    if (isCrowded(context, candidate, list, options.alpha)) passed.push(candidate);
    else list.push(candidate.node);
  }
  // Where that leaves too few: the nearest of those that lie in no direction of their own, up to half a list.
  const least = Math.min(length, options.m);
  for (let i = 0; i < passed.length && list.length < least; i++) list.push(passed[i].node);
  return Uint32Array.from(list);
}

/** `sure` are copies of nodes that were moved: they take over the edges to their ghosts. */
function findReplacements(
  context: WalkContext,
  { layer, node, gone, kept }: DamagedList,
  ghosts: NodeBits,
): { readonly sure: number[]; readonly candidates: Candidate[] } {
  const seen = new Set<number>([node, ...kept, ...gone]);
  const waiting = gone.slice();
  const sure: number[] = [];
  const candidates: Candidate[] = [];
  for (let i = 0; i < waiting.length && i < GHOSTS_MAX; i++) {
    const named = context.lists.idsAt(context.lists.load(layer, waiting[i])).slice();
    const fresh = [...named].filter((id) => !seen.has(id));
    for (const id of fresh) seen.add(id);
    const living = fresh.filter((id) => !ghosts.has(id));
    if (named.length === 1 && living.length === 1) {
      sure.push(living[0]);
      continue;
    }
    if (living.length === 0) waiting.push(...fresh);
    const measured = living.map((id) => ({ node: id, distance: codeDistance(context, node, id) }));
    measured.sort((a, b) => a.distance - b.distance || a.node - b.node);
    candidates.push(...measured.slice(0, REPLACEMENTS_MAX));
  }
  return { sure, candidates };
}

/** Whether a node of the list is nearer to the candidate than the list's own node is, by the factor. */
function isCrowded(
  context: WalkContext,
  { node, distance }: Candidate,
  list: readonly number[],
  alpha: number,
): boolean {
  const { metricCode } = context.space;
  const factor = metricCode === METRIC_L2 ? alpha * alpha : metricCode === METRIC_DOT ? 1 : alpha;
  for (const other of list) {
    if (factor * codeDistance(context, node, other) < distance) return true;
  }
  return false;
}
