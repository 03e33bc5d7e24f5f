/** The bytes of one file of a traced disk: the durable ones, and the changes since that a crash may lose. */
import { createHash } from 'node:crypto';
import type { TracedCall } from '../../src/storage/tracing-file-system.ts';

const sectorBytes = 512;

interface Pending {
  /** Sectors that the call wrote, with their bytes after it: `first` and those behind it. */
  readonly first: number;
  readonly sectors: readonly Uint8Array[];
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  readonly cuts: readonly Cut[];
}

/** Which of the sectors are kept: from `start` to before `end`. */
interface Cut {
  readonly start: number;
  readonly end: number;
}

export class TracedFile {
  #durable: Uint8Array;
  #current: Uint8Array;
  #pending: Pending[] = [];
  /** Of each sync under way, oldest first: how many of the pending changes it covers. */
  #flights: number[] = [];
  /** Of the durable bytes, when nothing is pending. */
  #digest: string | undefined;

  constructor(bytes: Uint8Array) {
    this.#durable = bytes;
    this.#current = bytes;
  }

  /** A write or a truncate. */
  change({ operation, position, bytes }: TracedCall): void {
    const before = this.#current;
    const end = operation === 'write' ? position + (bytes?.length ?? 0) : position;
    const size = operation === 'write' ? Math.max(before.length, end) : position;
    const after = resized(before, size);
    if (operation === 'write') after.set(bytes ?? [], position);
    // What a truncate takes away or adds are zeros, in the sectors between.
    const from = operation === 'write' ? position : Math.min(before.length, size);
    const to = operation === 'write' ? end : Math.max(before.length, size);
    const first = Math.floor(from / sectorBytes);
    const count = Math.ceil(to / sectorBytes) - first;
    const sectors = Array.from({ length: Math.max(0, count) }, (_, i) =>
      sectorOf(after, first + i),
    );
    const sizes = { sizeBefore: before.length, sizeAfter: size };
    this.#pending.push({ first, sectors, ...sizes, cuts: cutsOf(sectors.length) });
    this.#current = after;
  }

  beginSync(): void {
    this.#flights.push(this.#pending.length);
  }

  endSync(): void {
    const covered = this.#flights.shift() ?? 0;
    const kept = this.#pending.splice(0, covered);
    this.#flights = this.#flights.map((count) => Math.max(0, count - covered));
    if (kept.length === 0) return;
    this.#digest = undefined;
    const whole = kept.flatMap((pending) => [1, ...(changesSize(pending) ? [1] : [])]);
    this.#durable = replayed(this.#durable, kept, whole);
  }

  /** Of each pending change one about its sectors, and one about the length if it changes that. */
  decisions(): { readonly what: string; readonly outcomes: number }[] {
    return this.#pending.flatMap((pending) => {
      const { first, sectors, cuts, sizeBefore, sizeAfter } = pending;
      const written = `sectors ${first} to ${first + sectors.length - 1}`;
      const data = { what: written, outcomes: cuts.length };
      if (!changesSize(pending)) return [data];
      const outcomes = halfWay(pending) === undefined ? 2 : 3;
      return [data, { what: `length ${sizeBefore} to ${sizeAfter}`, outcomes }];
    });
  }

  /** The bytes after a crash, and a digest of them. */
  after(outcome: readonly number[]): { readonly bytes: Uint8Array; readonly digest: string } {
    if (this.#pending.length === 0) {
      this.#digest ??= digestOf(this.#durable);
      return { bytes: this.#durable, digest: this.#digest };
    }
    const bytes = replayed(this.#durable, this.#pending, outcome);
    return { bytes, digest: digestOf(bytes) };
  }
}

/** Outcome 0 keeps no sector and 1 all; the others those before or behind a cut. */
function cutsOf(sectors: number): Cut[] {
  const cuts = [
    { start: 0, end: 0 },
    { start: 0, end: sectors },
  ];
  for (const cut of new Set([1, sectors >> 1, sectors - 1])) {
    if (cut <= 0 || cut >= sectors) continue;
    cuts.push({ start: 0, end: cut }, { start: cut, end: sectors });
  }
  return cuts;
}

function changesSize({ sizeBefore, sizeAfter }: Pending): boolean {
  return sizeBefore !== sizeAfter;
}

/** A length between the old and the new one, at the end of a sector. */
function halfWay({ sizeBefore, sizeAfter }: Pending): number | undefined {
  const middle = Math.round((sizeBefore + sizeAfter) / 2 / sectorBytes) * sectorBytes;
  const [least, most] = [Math.min(sizeBefore, sizeAfter), Math.max(sizeBefore, sizeAfter)];
  return middle > least && middle < most ? middle : undefined;
}

function replayed(
  durable: Uint8Array,
  pending: readonly Pending[],
  outcome: readonly number[],
): Uint8Array {
  let size = durable.length;
  const room = pending.reduce((most, { first, sectors, sizeAfter }) => {
    return Math.max(most, (first + sectors.length) * sectorBytes, sizeAfter);
  }, size);
  const bytes = resized(durable, room);
  let next = 0;
  for (const change of pending) {
    const { first, sectors, cuts, sizeAfter } = change;
    const { start, end } = cuts[outcome[next++]];
    for (let i = start; i < end; i++) bytes.set(sectors[i], (first + i) * sectorBytes);
    if (!changesSize(change)) continue;
    const length = outcome[next++];
    if (length === 1) size = sizeAfter;
    if (length === 2) size = halfWay(change) ?? size;
  }
  return bytes.slice(0, size);
}

/** A sector of the content, zeros behind its end. */
function sectorOf(content: Uint8Array, sector: number): Uint8Array {
  const bytes = new Uint8Array(sectorBytes);
  bytes.set(content.subarray(sector * sectorBytes, (sector + 1) * sectorBytes));
  return bytes;
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}
