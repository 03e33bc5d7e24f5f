/**
 * Questions that come from outside: a thread of its own sends them at random moments, as callers of a
 * server would, whatever the event loop is busy with. A latency then counts from the moment of the sending
 * and holds what the question waited for its turn.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { seededRandom } from '../../src/base/random.ts';

export interface ArrivalsSetup {
  readonly count: number;
  /** On average; the gaps between two are exponential. */
  readonly perSecond: number;
  readonly seed: number;
}

/** Comparable between the threads of a process. */
function clockMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Calls `answer` for each question; the latencies, in the order of the answers. */
export async function answerArrivals(
  setup: ArrivalsSetup,
  answer: (question: number) => Promise<void>,
): Promise<Float64Array> {
  const latenciesMs = new Float64Array(setup.count);
  const worker = new Worker(new URL(import.meta.url), { workerData: setup });
  let answered = 0;
  await new Promise<void>((resolve, reject) => {
    const take = async (question: number, sentMs: number): Promise<void> => {
      await answer(question);
      latenciesMs[answered++] = clockMs() - sentMs;
      if (answered === setup.count) resolve();
    };
    worker.on('message', ({ question, sentMs }: { question: number; sentMs: number }) => {
      take(question, sentMs).catch(reject);
    });
    worker.on('error', reject);
  });
  await worker.terminate();
  return latenciesMs;
}

/** The sending thread: sleeps until the next moment. A moment that it overslept is sent at once. */
function send({ count, perSecond, seed }: ArrivalsSetup): void {
  const random = seededRandom(seed);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  let next = clockMs();
  for (let question = 0; question < count; question++) {
    next += (-Math.log(1 - random()) * 1000) / perSecond;
    const gap = next - clockMs();
    if (gap > 0) Atomics.wait(sleeper, 0, 0, gap);
    parentPort?.postMessage({ question, sentMs: clockMs() });
  }
}

if (!isMainThread && parentPort !== null) send(workerData as ArrivalsSetup);
