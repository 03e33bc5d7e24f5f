/**
 * Where other programs can watch the database: tracing channels of `node:diagnostics_channel`. Without a subscriber an
 * operation costs one look at a few flags; nothing is made for it.
 *
 *   stratavec:query        a search: { collection, options, result? }
 *   stratavec:write        a commit of records: { collections }
 *   stratavec:flush        memtables and dirty pages to their places: {}
 *   stratavec:compaction   a sweep, or `compact`: { collection? }
 */
import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';

/** What a search is watched with. */
export interface QueryTrace {
  readonly collection: string;
  /** As they were given. */
  readonly options: object;
}

export interface WriteTrace {
  readonly collections: readonly string[];
}

export interface CompactionTrace {
  /** Undefined: all of them. */
  readonly collection: string | undefined;
}

export const queryChannel: TracingChannel<unknown, QueryTrace> = tracingChannel('stratavec:query');
export const writeChannel: TracingChannel<unknown, WriteTrace> = tracingChannel('stratavec:write');
export const flushChannel: TracingChannel<unknown, object> = tracingChannel('stratavec:flush');
export const compactionChannel: TracingChannel<unknown, CompactionTrace> =
  tracingChannel('stratavec:compaction');

/** Runs an operation; whoever watches the channel learns of its beginning and its end, result and error. */
export function traced<T, Context extends object>(
  channel: TracingChannel<unknown, Context>,
  context: () => Context,
  run: () => Promise<T>,
): Promise<T> {
  if (!isWatched(channel)) return run();
  return channel.tracePromise(run, context()) as Promise<T>;
}

/** Whether anybody listens. */
export function isWatched<Context extends object>(
  channel: TracingChannel<unknown, Context>,
): boolean {
  const { start, end, asyncStart, asyncEnd, error } = channel;
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  );
}
