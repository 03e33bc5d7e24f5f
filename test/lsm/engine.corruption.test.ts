/**
 * Flipped bits in a small database: the right answer or `CORRUPTION` (or, where the format version was
 * hit, `UNSUPPORTED_FORMAT`), never a wrong answer and never another error.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Commit,
  Model,
  nextTurn,
  readState,
  scanState,
  toBatch,
} from '../../bench/soak/engine-model.ts';
import { DatabaseError, isDatabaseError } from '../../src/errors.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { commit, DIRECTORY, openTiny } from './engine-harness.ts';

const commits = fc.sample(commit, { numRuns: 12, seed: 3 });

/** Tables, a version, a pointer, and a log with commits, closed in peace or not. */
async function build(isClosed: boolean): Promise<{ disk: MemoryFileSystem; model: Model }> {
  const disk = new MemoryFileSystem();
  const model = new Model();
  const engine = await openTiny(disk);
  const write = async (commit: Commit): Promise<void> => {
    const sequence = engine.write(toBatch(commit));
    model.add(commit, sequence);
    await engine.committed(sequence);
  };
  for (const [i, commit] of commits.entries()) {
    await write(commit);
    if (i % 3 === 2 && i < 9) await engine.checkpoint();
  }
  if (!isClosed) return { disk: disk.crash(1, 1), model };
  await engine.close();
  await nextTurn();
  return { disk, model };
}

function flip(disk: MemoryFileSystem, name: string, bit: number): void {
  const file = disk.open(`${DIRECTORY}/${name}`, 'readwrite');
  const byte = new Uint8Array(1);
  const position = Math.floor(bit / 8) % file.size();
  file.readInto(byte, position);
  byte[0] ^= 1 << (bit % 8);
  file.write(byte, position);
  file.close();
}

function expectTyped(error: unknown): void {
  if (!isDatabaseError(error)) throw error;
  expect(['CORRUPTION', 'UNSUPPORTED_FORMAT']).toContain(error.code);
}

async function expectRightOrCorruption(disk: MemoryFileSystem, states: unknown[]): Promise<void> {
  let engine: Awaited<ReturnType<typeof openTiny>>;
  try {
    engine = await openTiny(disk, { readOnly: true });
  } catch (error) {
    return expectTyped(error);
  }
  for (const read of [readState, scanState]) {
    try {
      expect(states).toContainEqual(read(engine));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      expectTyped(error);
    }
  }
  await engine.close();
}

for (const extension of ['wal', 'version', 'CURRENT', 'table']) {
  test(`any bit of a ${extension} may flip in a closed database`, async () => {
    const { disk, model } = await build(true);
    const names = disk
      .list(DIRECTORY)
      .filter((name) => name.endsWith(`.${extension}`) || name === extension);
    expect(names).not.toEqual([]);
    const expected = model.at();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.nat({ max: 80_000 }), async (name, bit) => {
        flip(disk, name, bit);
        await expectRightOrCorruption(disk, [expected]);
        flip(disk, name, bit);
      }),
      { numRuns: 150 },
    );
  });
}

test('after a crash, damage in the log loses no more than the last commits that no sync covers', async () => {
  const { disk, model } = await build(false);
  const name = disk.list(DIRECTORY).find((entry) => entry.endsWith('.wal'))!;
  // The last commit's own chunk is the only thing that could prove that it was synced.
  const { boundaries } = model;
  const states = boundaries.slice(-2).map((sequence) => model.at(sequence));
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 80_000 }), async (bit) => {
      flip(disk, name, bit);
      await expectRightOrCorruption(disk, states);
      flip(disk, name, bit);
    }),
    { numRuns: 300 },
  );
});

test('a missing log in the middle is noticed', async () => {
  const { disk } = await build(true);
  const engine = await openTiny(disk);
  await engine.committed(engine.write(toBatch(commits[0])));
  await engine.close();
  const logs = disk.list(DIRECTORY).filter((name) => name.endsWith('.wal'));
  expect(logs).toHaveLength(2);
  disk.remove(`${DIRECTORY}/${logs[0]}`);
  await expect(openTiny(disk)).rejects.toMatchObject({ code: 'CORRUPTION' });
});

test('a missing pointer, version or table is CORRUPTION, not an empty or an older database', async () => {
  for (const gone of [/^CURRENT$/, /\.version$/, /\.table$/]) {
    const { disk } = await build(true);
    const name = disk.list(DIRECTORY).findLast((entry) => gone.test(entry))!;
    disk.remove(`${DIRECTORY}/${name}`);
    await expect(openTiny(disk)).rejects.toMatchObject({ code: 'CORRUPTION' });
    expect(disk.list(DIRECTORY)).not.toContain(name);
  }
});
