/**
 * Every state in which a crash may leave the disk, over a whole trace of calls, each judged by what an
 * opening finds there.
 *
 * After each call that changes the disk, or after which more is promised: all outcomes of the decisions of `TracedDisk`, if there are no more than
 * the cap; else all kept, all lost, each one decision against the rest, and as many random ones as the cap
 * leaves room for. Equal disks are judged once: what is found on a disk does not depend on the way to it, only
 * what must be found does.
 */
import type { Random } from '../../src/base/random.ts';
import type { TracedCall } from '../../src/storage/tracing-file-system.ts';
import { type Decision, type DiskImage, KEPT, type Outcome, TracedDisk } from './traced-disk.ts';

/** From this many calls on it is certain what a crash leaves at least. Positions count commits, somehow. */
export interface Promised {
  readonly calls: number;
  /** After a power cut. */
  readonly power: number;
  /** After the death of the process alone, which loses nothing that was written. */
  readonly kill: number;
}

export interface CrashStatesOptions {
  readonly trace: readonly TracedCall[];
  /** In the order of `calls`. */
  readonly promises: readonly Promised[];
  readonly random: Random;
  /** States tried after one call, at most. */
  readonly statesPerCall: number;
  /** The disk before the trace; by default an empty one. */
  readonly from?: DiskImage;
  /** Crashes are tried after every `stride`th change alone. Default: 1. */
  readonly stride?: number;
  /** Opens the database on that disk, and returns the position found. Throws when it is not as it must be. */
  judge(image: DiskImage, call: number): Promise<number>;
}

export interface CrashStatesTally {
  /** Calls after which crashes were tried. */
  calls: number;
  /** States that were compared with what was promised; equal ones after one call count once. */
  states: number;
  /** Different disks that were opened. */
  disks: number;
}

export async function judgeCrashStates(options: CrashStatesOptions): Promise<CrashStatesTally> {
  const { trace, random, statesPerCall, stride = 1 } = options;
  const disk = new TracedDisk(options.from);
  const found = new Map<string, number>();
  const tally: CrashStatesTally = { calls: 0, states: 0, disks: 0 };
  const promisedAt = new Set(options.promises.map(({ calls }) => calls));
  let changes = 0;
  for (const [i, call] of trace.entries()) {
    const hasChanged = disk.apply(call);
    if (!hasChanged && !promisedAt.has(i + 1)) continue;
    if (changes++ % stride !== 0) continue;
    tally.calls++;
    const promised = promisedAfter(options.promises, i + 1);
    const decisions = disk.decisions();
    const here = new Set<string>();
    for (const outcome of outcomesOf(decisions, statesPerCall, random)) {
      const image = disk.image(outcome);
      const isAll = outcome.every((kept) => kept === KEPT);
      if (here.has(image.key) && !isAll) continue;
      here.add(image.key);
      tally.states++;
      try {
        let position = found.get(image.key);
        if (position === undefined) {
          position = await options.judge(image, i + 1);
          found.set(image.key, position);
          tally.disks++;
        }
        const least = isAll ? promised.kill : promised.power;
        if (position < least) throw new Error(`lost: ${least} was promised, found ${position}`);
      } catch (cause) {
        const where = `call ${i + 1} of ${trace.length}, ${call.operation} ${call.path}`;
        const message = `a crash after ${where}, with ${describe(decisions, outcome)}: ${cause}`;
        throw new Error(message, { cause });
      }
    }
  }
  return tally;
}

function promisedAfter(promises: readonly Promised[], calls: number): Promised {
  const last = promises.findLast((promised) => promised.calls <= calls);
  return last ?? { calls: 0, power: 0, kill: 0 };
}

/** All outcomes, or as many as the cap allows. May give one twice. */
export function* outcomesOf(
  decisions: readonly Decision[],
  cap: number,
  random: Random,
): Generator<Outcome> {
  const count = decisions.reduce((product, { outcomes }) => product * outcomes, 1);
  if (count <= cap) {
    for (let number = 0; number < count; number++) yield digits(number, decisions);
    return;
  }
  yield decisions.map(() => KEPT);
  yield decisions.map(() => 0);
  const single = shuffled(singles(decisions), random).slice(0, Math.ceil((cap - 2) / 2));
  yield* single;
  for (let i = single.length + 2; i < cap; i++) {
    const share = random();
    yield decisions.map(({ outcomes }) => {
      if (random() < share) return KEPT;
      const other = Math.floor(random() * (outcomes - 1));
      return other < KEPT ? other : other + 1;
    });
  }
}

/** The `number`th outcome, the decisions' own being its digits. */
function digits(number: number, decisions: readonly Decision[]): Outcome {
  let rest = number;
  return decisions.map(({ outcomes }) => {
    const digit = rest % outcomes;
    rest = Math.floor(rest / outcomes);
    return digit;
  });
}

/** One decision in each of its ways, the others all kept or all lost. */
function singles(decisions: readonly Decision[]): Outcome[] {
  return decisions.flatMap(({ outcomes }, i) =>
    Array.from({ length: outcomes }, (_, outcome) => [
      ...(outcome === KEPT ? [] : [decisions.map((_, j) => (j === i ? outcome : KEPT))]),
      ...(outcome === 0 ? [] : [decisions.map((_, j) => (j === i ? outcome : 0))]),
    ]).flat(),
  );
}

function shuffled<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}

function describe(decisions: readonly Decision[], outcome: Outcome): string {
  const parts = decisions.map(({ what }, i) => {
    const kept = outcome[i] === KEPT ? 'kept' : outcome[i] === 0 ? 'lost' : `part ${outcome[i]}`;
    return `${what} ${kept}`;
  });
  return parts.length === 0 ? 'all synced' : parts.join('; ');
}
