/**
 * Counts calls and bytes by kind of file, by what they were for, and by operation: what a benchmark says about
 * reads, writes and amplification comes from here. Failed calls count too.
 */
import type { CallTotal, FileSystem, ThreadAccess } from './file-system.ts';
import {
  type Call,
  InterceptingFileSystem,
  type Interceptor,
  type Operation,
} from './intercepting-file-system.ts';

/** Calls of a kind, and the bytes that they moved. */
export interface Count {
  readonly calls: number;
  /** Read or written; 0 for other operations. */
  readonly bytes: number;
}

/** By kind of file or by reason, then by operation. What never happened is not there. */
export type Counts = Record<string, Partial<Record<Operation, Count>>>;

/** Counts what passes through to the file system below it. */
export class CountingFileSystem extends InterceptingFileSystem {
  readonly #inner: FileSystem;
  readonly #counter: Counter;

  constructor(inner: FileSystem) {
    const counter = new Counter();
    super(inner, counter);
    this.#inner = inner;
    this.#counter = counter;
  }

  /** A copy of the counters by kind of file; it does not change any more. */
  snapshot(): Counts {
    return copyOf(this.#counter.byKind);
  }

  /**
   * The same by what the calls were for: the purpose for which a file was opened ("flush", "compaction"), and
   * its kind where none was given (".wal", ".table" for the reads of queries).
   */
  reasons(): Counts {
    return copyOf(this.#counter.byReason);
  }

  /** The sum of an operation over all kinds of files, or over one. */
  total(operation: Operation, kind?: string): Count {
    return sumOf(this.#counter.byKind, operation, kind);
  }

  /** The sum of an operation for one reason, as `reasons` names it. */
  totalFor(operation: Operation, reason: string): Count {
    return sumOf(this.#counter.byReason, operation, reason);
  }

  /** All counters, to be sent to another thread. */
  totals(): CallTotal[] {
    const { byKind, byReason } = this.#counter;
    return [...totalsOf(byKind, 'kind'), ...totalsOf(byReason, 'reason')];
  }

  /** Takes in what another thread counted. */
  absorb(totals: readonly CallTotal[]): void {
    const { byKind, byReason } = this.#counter;
    for (const { by, name, operation, calls, bytes } of totals) {
      const tally = tallyOf(by === 'kind' ? byKind : byReason, name, operation as Operation);
      tally.calls += calls;
      tally.bytes += bytes;
    }
  }

  /** Calls of other threads are counted here too. */
  threadAccess(): ThreadAccess | undefined {
    const access = this.#inner.threadAccess?.();
    if (access === undefined) return undefined;
    const onCalls = (calls: readonly CallTotal[]): void => {
      this.absorb(calls);
      access.onCalls(calls);
    };
    return { ...access, onCalls };
  }

  reset(): void {
    this.#counter.byKind.clear();
    this.#counter.byReason.clear();
  }
}

/** The extension of a file's name with its dot (`.table`), or the whole name when it has none. */
export function fileKind(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot < 0 ? name : name.slice(dot);
}

interface Tally {
  calls: number;
  bytes: number;
}

type Tallies = Map<string, Map<Operation, Tally>>;

class Counter implements Interceptor {
  readonly byKind: Tallies = new Map();
  readonly byReason: Tallies = new Map();

  call<T>(call: Call, run: () => T): T {
    const { operation, path, purpose } = call;
    const kind = isOfDirectory(operation) ? 'directory' : fileKind(path);
    const ofKind = tallyOf(this.byKind, kind, operation);
    const ofReason = tallyOf(this.byReason, purpose ?? kind, operation);
    ofKind.calls++;
    ofReason.calls++;
    try {
      return run();
    } finally {
      ofKind.bytes += call.bytes;
      ofReason.bytes += call.bytes;
    }
  }

  sync(call: Call, run: () => Promise<void>): Promise<void> {
    return this.call(call, run);
  }
}

function tallyOf(tallies: Tallies, name: string, operation: Operation): Tally {
  let operations = tallies.get(name);
  if (operations === undefined) {
    operations = new Map();
    tallies.set(name, operations);
  }
  let tally = operations.get(operation);
  if (tally === undefined) {
    tally = { calls: 0, bytes: 0 };
    operations.set(operation, tally);
  }
  return tally;
}

function totalsOf(tallies: Tallies, by: CallTotal['by']): CallTotal[] {
  return [...tallies].flatMap(([name, operations]) =>
    [...operations].map(([operation, tally]) => ({ by, name, operation, ...tally })),
  );
}

function copyOf(tallies: Tallies): Counts {
  const counts: Counts = {};
  for (const [name, operations] of tallies) {
    const copies: Partial<Record<Operation, Count>> = {};
    for (const [operation, { calls, bytes }] of operations) copies[operation] = { calls, bytes };
    counts[name] = copies;
  }
  return counts;
}

function sumOf(tallies: Tallies, operation: Operation, only: string | undefined): Count {
  let calls = 0;
  let bytes = 0;
  for (const [name, operations] of tallies) {
    if (only !== undefined && only !== name) continue;
    const tally = operations.get(operation);
    calls += tally?.calls ?? 0;
    bytes += tally?.bytes ?? 0;
  }
  return { calls, bytes };
}

function isOfDirectory(operation: Operation): boolean {
  return (
    operation === 'list' ||
    operation === 'makeDirectory' ||
    operation === 'syncDirectory' ||
    operation === 'lock'
  );
}
