/**
 * The mailbox and the pool of kernel workers, and what becomes of jobs whose worker died in the middle. Needs a
 * build (`npm test` makes one).
 */
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { BuildArea } from '../../src/hnsw/build-area.ts';
import { BuildJob, buildJobBytes } from '../../src/hnsw/build-job.ts';
import { Slices } from '../../src/hnsw/slices.ts';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import { createKernels, type Kernels } from '../../src/kernels/kernels.ts';
import {
  STATUS_DONE,
  WALK_HOPS,
  WALK_QUERY,
  WALK_RESULT_COUNT,
  WALK_RESULTS,
} from '../../src/kernels/layout.ts';
import { permanentKind } from '../../src/kernels/size-class.ts';
import { createSpace, type Space } from '../../src/kernels/space.ts';
import { JOB_ASSIGN, JOB_LEAF, JOB_WALK, runJob, undoJob } from '../../src/kernels/worker-jobs.ts';
import { createMailbox, SLOTS } from '../../src/kernels/worker-mailbox.ts';
import { KernelPool } from '../../src/kernels/worker-pool.ts';
import { chooseGeometry } from '../../src/paged/geometry.ts';
import { uniformVectors, World } from '../hnsw/world.ts';

const dimension = 16;

function memory(): { kernels: Kernels; allocator: CellAllocator; space: Space } {
  const kernels = createKernels(16 << 20);
  const { memory } = kernels;
  const allocator = new CellAllocator(memory, memory.heapBase, memory.buffer.byteLength);
  const geometry = chooseGeometry(dimension);
  const caps = { capBottom: 32, capUpper: 16 };
  const space = createSpace(kernels, allocator, { dimension, metric: 'l2', geometry, ...caps });
  return { kernels, allocator, space };
}

/** Does nothing, and ends with 0. */
const nothing = { operation: JOB_ASSIGN, parameters: [0, 0, 0, 0, 0, 0, 0, 0] };

test('a slot is taken by one thread only, and a mailbox is full when all are', () => {
  const mailbox = createMailbox(2);
  for (let i = 0; i < SLOTS; i++) mailbox.post(i, JOB_ASSIGN, [i]);
  expect(() => mailbox.post(0, JOB_ASSIGN, [0])).toThrow('free slot');
  const taken = Array.from({ length: SLOTS }, (_, i) => mailbox.take(i % 2, 5));
  expect([...taken].sort((a, b) => a - b)).toEqual(Array.from({ length: SLOTS }, (_, i) => i));
  expect(taken[0]).toBe(5);
  expect(mailbox.take(0, 0)).toBe(-1);
  expect(mailbox.isTakenBy(6, 1)).toBe(true);
  mailbox.end(6, 7);
  expect([mailbox.isOver(6), mailbox.result(6), mailbox.argument(6, 0)]).toEqual([true, 7, 6]);
  mailbox.free(6);
  mailbox.post(6, JOB_ASSIGN, [2 ** 32 - 1]);
  expect(mailbox.argument(6, 0)).toBe(2 ** 32 - 1);
});

test('the main thread waits for a worker to leave its call, and not for ever', async () => {
  const mailbox = createMailbox(2);
  expect(mailbox.awaitCall(1)).toBe(true);
  mailbox.enterCall(1);
  expect(mailbox.awaitCall(0)).toBe(true);
  expect(mailbox.awaitCall(1)).toBe(false);
  const path = new URL('../../dist/src/kernels/worker-mailbox.js', import.meta.url).href;
  const leaver = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     import(${JSON.stringify(path)}).then(({ Mailbox }) => {
       const mailbox = new Mailbox(workerData, 2);
       parentPort.postMessage('ready');
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15);
       mailbox.leaveCall(1);
     });`,
    { eval: true, workerData: mailbox.buffer },
  );
  await new Promise((resolve) => leaver.once('message', resolve));
  expect(mailbox.awaitCall(1)).toBe(true);
  await leaver.terminate();
});

test('memory is given to another use only after those who read have settled', () => {
  const { allocator } = memory();
  const calls: string[] = [];
  allocator.readers = {
    isReading: true,
    forgot: () => calls.push('forgot'),
    settle: () => calls.push('settle'),
  };
  const visible = permanentKind('visible', 1024);
  const hidden = permanentKind('hidden', 2048, true);
  allocator.free(hidden, allocator.allocate(hidden, 0));
  allocator.free(visible, allocator.allocate(visible, 0));
  allocator.freeRun(allocator.allocateRun(1), 1);
  expect(calls).toEqual(['settle', 'settle', 'forgot', 'settle']);
  let evicted = 0;
  const going = {
    name: 'going',
    cellBytes: 4096,
    tryEvict: () => {
      evicted++;
      return true;
    },
  };
  const room = Math.floor(allocator.stats().freeBytes / 4096);
  for (let i = 0; i < room; i++) allocator.allocate(going, i);
  calls.length = 0;
  allocator.allocate(going, room);
  // A few together, so that one wait serves many.
  expect(evicted).toBeGreaterThan(8);
  expect(calls.at(-1)).toBe('settle');
  expect(calls.filter((call) => call === 'forgot')).toHaveLength(evicted);
});

test('a leaf whose thread died while it was merged is built again as if nothing had been', async () => {
  const owner = memory();
  const { kernels } = owner;
  const { u32, f32 } = kernels.memory;
  const count = 60;
  const vectors = uniformVectors(count, dimension, 4);
  const read = (i: number, target: Float32Array): void => target.set(vectors[i]);
  const codeStride = chooseGeometry(dimension).codeStride;
  const slices = new Slices(1000, undefined);
  const given = { memory: owner, vectors: { count, read }, codeStride, slices };
  const area = new BuildArea({ ...given, arrays: undefined, pool: undefined });
  const codes = area.take(count * codeStride);
  const ids = area.take(4 * count);
  for (let i = 0; i < count; i++) u32[(ids >>> 2) + i] = i;
  await area.encode(u32.slice(ids >>> 2, (ids >>> 2) + count), codes);
  const nodes = await area.nodes(codes, count, 32);
  const leaf = { leafMax: 64, rounds: 1, alpha: 1.1 };
  const scratch = buildJobBytes(owner.space, 32, leaf);
  const stride = scratch + leaf.leafMax * nodes.listStride;
  const jobs = area.take(2 * stride);
  for (const thread of [0, 1]) new BuildJob(owner, nodes, leaf, jobs + thread * stride);
  const lists = (): Uint32Array =>
    u32.slice(nodes.lists >>> 2, (nodes.lists + count * nodes.listStride) >>> 2);
  const mailbox = createMailbox(2);
  const begin = (slot: number, members: number): number => {
    mailbox.post(slot, JOB_LEAF, [jobs, stride, ids, members, scratch]);
    return slot;
  };
  // There are lists already.
  expect(runJob(kernels, mailbox, begin(0, 30), 0)).toBe(0);
  const before = lists();
  const slot = begin(1, count);
  expect(mailbox.takeSlot(0, slot)).toBe(true);
  runJob(kernels, mailbox, slot, 0);
  const after = lists();
  expect(after).not.toEqual(before);
  f32.fill(0.5, nodes.lists >>> 2, (nodes.lists + count * nodes.listStride) >>> 2);
  undoJob(kernels, mailbox, slot, 0);
  expect(lists()).toEqual(before);
  mailbox.restart(slot);
  expect(mailbox.phase(slot)).toBe(0);
  expect(mailbox.takeSlot(1, slot)).toBe(true);
  runJob(kernels, mailbox, slot, 1);
  expect(lists()).toEqual(after);
});

test('whoever runs a walk begins it, unless it is under way; one whose thread died begins again', () => {
  const world = new World({ dimension });
  world.addAll(uniformVectors(400, dimension, 5));
  const { kernels, space, allocator, graph } = world;
  const { exports } = kernels;
  const { u32, f32 } = kernels.memory;
  const ef = 40;
  const bytes = exports.walkBytes(space.address, ef);
  const walk = allocator.allocateRun(bytes);
  exports.walkInit(walk, bytes, space.address, ef);
  f32.set(uniformVectors(1, dimension, 6)[0], u32[(walk + WALK_QUERY) >>> 2] >>> 2);
  exports.walkPrepare(walk);
  const { node, layer } = graph.entry!;
  const results = (): Uint32Array => {
    const first = u32[(walk + WALK_RESULTS) >>> 2] >>> 2;
    return u32.slice(first, first + 2 * u32[(walk + WALK_RESULT_COUNT) >>> 2]);
  };
  const mailbox = createMailbox(1);
  const slot = 3;
  mailbox.post(slot, JOB_WALK, [walk, node, layer, ef, 1]);
  expect(runJob(kernels, mailbox, slot, 0)).toBe(STATUS_DONE);
  const whole = results();
  expect(whole.length).toBe(2 * ef);
  mailbox.free(slot);
  mailbox.post(slot, JOB_WALK, [walk, node, layer, ef, 0]);
  u32[(walk + WALK_HOPS) >>> 2] = 7;
  expect(runJob(kernels, mailbox, slot, 0)).toBe(STATUS_DONE);
  expect(u32[(walk + WALK_HOPS) >>> 2]).toBe(7);
  exports.walkBegin(walk, node, layer, 0, ef);
  exports.walkRun(walk, 12);
  // In the middle of taking a result in.
  u32[(walk + WALK_RESULT_COUNT) >>> 2]--;
  undoJob(kernels, mailbox, slot, 0);
  expect(runJob(kernels, mailbox, slot, 0)).toBe(STATUS_DONE);
  expect(results()).toEqual(whole);
});

test('jobs are done by workers, and again after all of them died', async () => {
  const pool = new KernelPool(memory().kernels, 2);
  const random = seededRandom(8);
  let ended = 0;
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < SLOTS; i++) pool.post({ ...nothing, onEnd: () => ended++ });
    if (round % 2 === 1) for (const worker of pool.workers) void worker.terminate();
    pool.watch();
    while (pool.posted > 0) await setTimeout(2 + 5 * random());
  }
  expect(ended).toBe(6 * SLOTS);
  expect(pool.done).toBe(6 * SLOTS);
  expect(pool.replaced).toBeGreaterThan(0);
  await pool.close();
  await pool.close();
});

test('the main thread can take a job back, or do it, while no worker has begun', async () => {
  const pool = new KernelPool(memory().kernels, 1);
  const results: number[] = [];
  const job = { ...nothing, onEnd: (result: number) => results.push(result) };
  // The worker is not there yet.
  pool.post(job);
  pool.post(job);
  expect(pool.takeBack(JOB_WALK)).toBeUndefined();
  expect(pool.takeBack(JOB_ASSIGN)).toBe(job);
  expect(pool.help(JOB_WALK)).toBe(false);
  expect(pool.help(JOB_ASSIGN)).toBe(true);
  expect(results).toEqual([0]);
  expect(pool.posted).toBe(0);
  await pool.close();
});

test('a pool is closed when what it was given has ended', async () => {
  const pool = new KernelPool(memory().kernels, 1);
  let ended = 0;
  for (let i = 0; i < 3; i++) pool.post({ ...nothing, onEnd: () => ended++ });
  // The worker that has begun may die; the next one goes on.
  void pool.workers[0].terminate();
  const closing = pool.close();
  expect(pool.close()).toBe(closing);
  await closing;
  expect(ended).toBe(3);
  expect(pool.replaced).toBe(1);
  expect(pool.workers).toEqual([]);
});

test('where Atomics.waitAsync is missing, messages tell of ends', async () => {
  const atomics = Atomics as { waitAsync?: unknown };
  const { waitAsync } = atomics;
  vi.resetModules();
  delete atomics.waitAsync;
  const { KernelPool: Pool } = await import('../../src/kernels/worker-pool.ts');
  atomics.waitAsync = waitAsync;
  const pool = new Pool(memory().kernels, 2);
  for (let round = 0; round < 20; round++) {
    const ends = Array.from({ length: 10 }, () => {
      return new Promise((onEnd) => pool.post({ ...nothing, onEnd }));
    });
    pool.watch();
    expect(await Promise.all(ends)).toEqual(ends.map(() => 0));
  }
  await pool.close();
});

test('an idle pool does not keep the process alive, a busy one does', async () => {
  const dist = new URL('../../dist/src/kernels/', import.meta.url).href;
  const script = `
    import { createKernels } from '${dist}kernels.js';
    import { KernelPool } from '${dist}worker-pool.js';
    const pool = new KernelPool(createKernels(1 << 20), 2);
    await new Promise((resolve) => setTimeout(resolve, 150));
    let ended = 0;
    for (let i = 0; i < 5; i++) {
      const parameters = [0, 0, 0, 0, 0, 0, 0, 0];
      pool.post({ operation: ${JOB_ASSIGN}, parameters, onEnd: () => ended++ });
    }
    pool.watch();
    process.on('exit', () => console.log('ended', ended));`;
  const { execFile } = await import('node:child_process');
  const output = await new Promise<string>((resolve, reject) => {
    const args = ['--input-type=module', '-e', script];
    execFile(process.execPath, args, { timeout: 10_000 }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
  expect(output).toBe('ended 5\n');
});
