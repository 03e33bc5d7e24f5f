/**
 * Counts calls and bytes by kind of file and by operation: what a benchmark says about reads, writes
 * and amplification comes from here. Failed calls count too.
 */
import type { FileSystem } from './file-system.ts';
import {
  type Call,
  InterceptingFileSystem,
  type Interceptor,
  type Operation,
} from './intercepting-file-system.ts';

export interface Count {
  readonly calls: number;
  /** Read or written; 0 for other operations. */
  readonly bytes: number;
}

/** By kind of file, then by operation. What never happened is not there. */
export type Counts = Record<string, Partial<Record<Operation, Count>>>;

export class CountingFileSystem extends InterceptingFileSystem {
  readonly #counter: Counter;

  constructor(inner: FileSystem) {
    const counter = new Counter();
    super(inner, counter);
    this.#counter = counter;
  }

  /** A copy of the counters; it does not change any more. */
  snapshot(): Counts {
    const counts: Counts = {};
    for (const [kind, operations] of this.#counter.kinds) {
      const copies: Partial<Record<Operation, Count>> = {};
      for (const [operation, { calls, bytes }] of operations) copies[operation] = { calls, bytes };
      counts[kind] = copies;
    }
    return counts;
  }

  /** The sum of an operation over all kinds of files, or over one. */
  total(operation: Operation, kind?: string): Count {
    let calls = 0;
    let bytes = 0;
    for (const [name, operations] of this.#counter.kinds) {
      if (kind !== undefined && kind !== name) continue;
      const tally = operations.get(operation);
      calls += tally?.calls ?? 0;
      bytes += tally?.bytes ?? 0;
    }
    return { calls, bytes };
  }

  reset(): void {
    this.#counter.kinds.clear();
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

class Counter implements Interceptor {
  readonly kinds = new Map<string, Map<Operation, Tally>>();

  call<T>(call: Call, run: () => T): T {
    const tally = this.#tally(call);
    tally.calls++;
    try {
      return run();
    } finally {
      tally.bytes += call.bytes;
    }
  }

  sync(call: Call, run: () => Promise<void>): Promise<void> {
    return this.call(call, run);
  }

  #tally(call: Call): Tally {
    const kind = isOfDirectory(call.operation) ? 'directory' : fileKind(call.path);
    let operations = this.kinds.get(kind);
    if (operations === undefined) {
      operations = new Map();
      this.kinds.set(kind, operations);
    }
    let tally = operations.get(call.operation);
    if (tally === undefined) {
      tally = { calls: 0, bytes: 0 };
      operations.set(call.operation, tally);
    }
    return tally;
  }
}

function isOfDirectory(operation: Operation): boolean {
  return (
    operation === 'list' ||
    operation === 'makeDirectory' ||
    operation === 'syncDirectory' ||
    operation === 'lock'
  );
}
