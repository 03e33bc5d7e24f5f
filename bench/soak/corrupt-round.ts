/** One round of the soak of damage: bits of a closed database flip. See `corrupt.soak.ts`. */
import { loadHasher } from '../../src/base/hasher.ts';
import type { Random } from '../../src/base/random.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { type Model, nextTurn, readState, type State, scanState, toBatch } from './engine-model.ts';
import {
  below,
  pick,
  type RandomOptions,
  randomCommit,
  randomOptions,
  randomSteps,
} from './engine-random.ts';
import { assertSame, assertState, DIRECTORY, EngineRun } from './engine-run.ts';
import type { Trial } from './trial.ts';

const hasherLoading = loadHasher();
const damagesPerRound = 40;
const errorsOfDamage: ReadonlySet<string> = new Set(['CORRUPTION', 'UNSUPPORTED_FORMAT']);

/** The same files, all of them durable. */
function copyOf(disk: MemoryFileSystem): MemoryFileSystem {
  const copy = new MemoryFileSystem();
  copy.makeDirectory(DIRECTORY);
  for (const name of disk.list(DIRECTORY)) {
    const source = disk.open(`${DIRECTORY}/${name}`, 'read');
    const bytes = new Uint8Array(source.size());
    source.readInto(bytes, 0);
    source.close();
    const target = copy.open(`${DIRECTORY}/${name}`, 'create');
    target.write(bytes, 0);
    target.close();
  }
  return copy.crash(0, 1);
}

class Damage {
  readonly path: string;
  readonly bits: readonly number[];

  constructor(disk: MemoryFileSystem, random: Random) {
    this.path = `${DIRECTORY}/${pick(random, disk.list(DIRECTORY))}`;
    const file = disk.open(this.path, 'read');
    const size = file.size();
    file.close();
    const count = this.path.endsWith('.wal') ? 1 : 1 + below(random, 3);
    const bits = Array.from({ length: count }, () => below(random, 8 * size));
    this.bits = [...new Set(size === 0 ? [] : bits)];
    this.flip(disk);
  }

  /** A second time it puts all right. */
  flip(disk: MemoryFileSystem): void {
    const file = disk.open(this.path, 'readwrite');
    const byte = new Uint8Array(1);
    for (const bit of this.bits) {
      file.readInto(byte, bit >>> 3);
      byte[0] ^= 1 << (bit & 7);
      file.write(byte, bit >>> 3);
    }
    file.close();
  }
}

async function open(
  disk: MemoryFileSystem,
  options: RandomOptions,
  readOnly: boolean,
): Promise<LsmEngine | undefined> {
  const hasher = await hasherLoading;
  return await typed(() => LsmEngine.open(disk, DIRECTORY, { ...options, hasher, readOnly }));
}

async function judgeReader(
  disk: MemoryFileSystem,
  options: RandomOptions,
  expected: State,
): Promise<void> {
  const engine = await open(disk, options, true);
  if (engine === undefined) return;
  await assertRight(engine, expected);
  await typed(() => engine.check());
  await engine.close();
}

/** Reads before and after work on the files, in this session and in the next one. */
async function judgeWriter(
  disk: MemoryFileSystem,
  run: EngineRun,
  random: Random,
  damage: Damage,
): Promise<void> {
  const { model, options } = run;
  const before = model.sequence;
  const engine = await open(disk, options, false);
  if (engine !== undefined) {
    await assertRight(engine, model.at());
    for (let i = below(random, 4); i > 0; i--) {
      await tryCommit(engine, model, random);
      await typed(() => engine.checkpoint());
      await assertRight(engine, model.at());
    }
    await typed(() => engine.compact());
    await assertRight(engine, model.at());
    await typed(() => engine.close());
    await nextTurn();
    await judgeReader(disk, options, model.at());
  }
  if (damage.path.endsWith('.table') && disk.exists(damage.path)) {
    damage.flip(disk);
    const mended = await LsmEngine.open(disk, DIRECTORY, {
      ...options,
      hasher: await hasherLoading,
    });
    assertState(mended, model.at());
    assertSame((await mended.check()).problems, [], 'check()');
    await mended.close();
  }
  model.truncate(before);
}

async function tryCommit(engine: LsmEngine, model: Model, random: Random): Promise<void> {
  const commit = randomCommit(random);
  await typed(async () => {
    const sequence = engine.write(toBatch(commit));
    model.add(commit, sequence);
    await engine.committed(sequence);
  });
}

async function assertRight(engine: LsmEngine, expected: State): Promise<void> {
  for (const read of [readState, scanState]) {
    const state = await typed(async () => read(engine));
    if (state !== undefined) assertSame(state, expected, read.name);
  }
}

/** The result; undefined instead of an error that damage may cause. */
async function typed<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    const isTyped = isDatabaseError(error) && errorsOfDamage.has(error.code);
    if (!isTyped) throw error;
    return undefined;
  }
}

export async function corruptRound(trial: Trial): Promise<void> {
  const { random } = trial;
  const disk = new MemoryFileSystem();
  const run = new EngineRun(trial, disk, randomOptions(random));
  await run.open();
  for (const step of randomSteps(random, 10 + below(random, 60))) await run.take(step);
  await run.close();
  await nextTurn();
  for (let i = 0; i < damagesPerRound; i++) {
    const copy = copyOf(disk);
    const damage = new Damage(copy, random);
    try {
      if (random() < 0.6) await judgeReader(copy, run.options, run.model.at());
      else await judgeWriter(copy, run, random, damage);
    } catch (error) {
      throw new Error(`damage to ${damage.path}, bits ${damage.bits}`, { cause: error });
    }
  }
}
