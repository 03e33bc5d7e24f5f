/** The work that is timed, on an open store. Answers are plain data, so that a child process can give them. */
import { LoopDelayMonitor } from '../harness/event-loop.ts';
import { latencyFigures } from '../harness/latency.ts';
import type { Store, StoreFigures } from './store.ts';
import type { Workload } from './workload.ts';

/** One round of one phase. */
export interface Measure {
  readonly operations: number;
  readonly seconds: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface WriteAsk {
  /** Undefined: each entry once, in the order of its index, which is random in the order of keys. */
  readonly draw?: { readonly count: number; readonly salt: number };
  readonly version: number;
  readonly batchEntries: number;
  /** Point reads after each batch. */
  readonly getsPerBatch?: number;
  /** Wait for the background, outside the clock, and count what it writes. */
  readonly settle: boolean;
}

export async function measureWrites(
  store: Store,
  workload: Workload,
  ask: WriteAsk,
): Promise<Measure> {
  const { draw, version, batchEntries, getsPerBatch = 0 } = ask;
  const order =
    draw === undefined
      ? new Uint32Array(workload.entries).map((_, index) => index)
      : workload.draw(draw.count, draw.salt);
  store.prepare(order, version, batchEntries);
  const batches = Math.ceil(order.length / batchEntries);
  const latenciesMs = new Float64Array(batches);
  const reads = workload.draw(getsPerBatch * batches, version + 100);
  const getLatenciesMs = new Float64Array(reads.length);
  const before = store.figures();
  globalThis.gc?.();
  const monitor = new LoopDelayMonitor();
  monitor.start();
  const start = performance.now();
  for (let batch = 0; batch < batches; batch++) {
    const began = performance.now();
    await store.write(batch);
    latenciesMs[batch] = performance.now() - began;
    const end = (batch + 1) * getsPerBatch;
    for (let i = batch * getsPerBatch; i < end; i++) {
      const asked = performance.now();
      requireValue(store.get(reads[i]));
      getLatenciesMs[i] = performance.now() - asked;
    }
  }
  const seconds = (performance.now() - start) / 1000;
  const delay = monitor.stop();
  const settleStart = performance.now();
  if (ask.settle) await store.settle();
  const settleSeconds = (performance.now() - settleStart) / 1000;
  return {
    operations: order.length + reads.length,
    seconds,
    metrics: {
      ...latencyFigures(latenciesMs),
      ...(reads.length > 0 ? getFigures(getLatenciesMs) : {}),
      ...delay,
      ...writeFigures(before, store.figures(), order.length * workload.entryBytes),
      ...(ask.settle ? { settleSeconds } : {}),
    },
  };
}

function writeFigures(
  before: StoreFigures,
  after: StoreFigures,
  userBytes: number,
): Record<string, number> {
  const { memoryBytes } = after;
  const figures: Record<string, number> = {
    ...(memoryBytes === undefined ? {} : { accountedMemoryBytes: memoryBytes }),
    writeAmplification: (after.writtenBytes - before.writtenBytes) / userBytes,
    stalls: after.stalls - before.stalls,
    stallMs: after.stallMs - before.stallMs,
    longestStallMs: after.longestStallMs,
  };
  if (after.longestSliceMs !== undefined) figures.longestSliceMs = after.longestSliceMs;
  return figures;
}

export interface GetAsk {
  readonly count: number;
  readonly salt: number;
  readonly awaited: boolean;
}

/** One pass by the whole for the speed, then a shorter one by the call for the latencies. */
export async function measureGets(
  store: Store,
  workload: Workload,
  { count, salt, awaited }: GetAsk,
): Promise<Measure> {
  const { getAwaited } = store;
  const get = awaited && getAwaited !== undefined ? getAwaited : (i: number) => store.get(i);
  const order = workload.draw(count, salt);
  const latenciesMs = new Float64Array(count >> 2);
  const before = store.figures();
  globalThis.gc?.();
  const start = performance.now();
  let bytes = 0;
  if (awaited) for (const index of order) bytes += requireValue(await get(index));
  else for (const index of order) bytes += requireValue(store.get(index));
  const seconds = (performance.now() - start) / 1000;
  const readBytes = (store.figures().readBytes ?? Number.NaN) - (before.readBytes ?? 0);
  for (let i = 0; i < latenciesMs.length; i++) {
    const began = performance.now();
    const found = get(order[i]);
    requireValue(found instanceof Promise ? await found : found);
    latenciesMs[i] = performance.now() - began;
  }
  return {
    operations: count,
    seconds,
    metrics: { ...latencyFigures(latenciesMs), ...readFigures(readBytes, bytes) },
  };
}

export interface ScanAsk {
  readonly isReverse: boolean;
}

export async function measureScan(
  store: Store,
  workload: Workload,
  { isReverse }: ScanAsk,
): Promise<Measure> {
  const before = store.figures();
  globalThis.gc?.();
  const start = performance.now();
  const entries = await store.scan(isReverse);
  const seconds = (performance.now() - start) / 1000;
  const readBytes = (store.figures().readBytes ?? Number.NaN) - (before.readBytes ?? 0);
  if (entries !== workload.entries) {
    throw new Error(`the scan found ${entries} entries of ${workload.entries}`);
  }
  const metrics = readFigures(readBytes, entries * workload.entryBytes);
  return { operations: entries, seconds, metrics };
}

export async function measureCompaction(store: Store, workload: Workload): Promise<Measure> {
  const start = performance.now();
  await store.compact();
  const seconds = (performance.now() - start) / 1000;
  return { operations: workload.entries, seconds, metrics: {} };
}

function getFigures(latenciesMs: Float64Array): Record<string, number> {
  const { p50Us, p99Us, p999Us, maxUs } = latencyFigures(latenciesMs);
  return { getP50Us: p50Us, getP99Us: p99Us, getP999Us: p999Us, getMaxUs: maxUs };
}

/** Nothing where the subject does not say what it read. */
function readFigures(readBytes: number, userBytes: number): Record<string, number> {
  return Number.isNaN(readBytes) ? {} : { readAmplification: readBytes / userBytes };
}

function requireValue(found: Uint8Array | undefined): number {
  if (found === undefined || found.length === 0) throw new Error('an entry is not there');
  return found.length;
}
