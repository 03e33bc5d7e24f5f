/**
 * A bit of a byte of a file flips: opening, checking or reading notices it, or the state is right and the byte
 * carries no meaning: padding between the sections of a table, and the mark at the end of a closed log.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextTurn, readState, type State, toBatch } from '../../bench/soak/engine-model.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { isMeaningless, readAll } from '../damage.ts';
import { commit, DIRECTORY, openTiny } from './engine-harness.ts';

async function build(): Promise<{ disk: MemoryFileSystem; state: State }> {
  const disk = new MemoryFileSystem();
  const engine = await openTiny(disk);
  for (const [i, each] of fc.sample(commit, { numRuns: 14, seed: 8 }).entries()) {
    await engine.committed(engine.write(toBatch(each)));
    if (i % 5 === 4) await engine.checkpoint();
  }
  const state = readState(engine);
  await engine.close();
  await nextTurn();
  return { disk, state };
}

/** What was noticed, or undefined when nothing was. */
async function noticed(disk: MemoryFileSystem, expected: State): Promise<string | undefined> {
  try {
    const engine = await openTiny(disk, { readOnly: true });
    try {
      const { problems } = await engine.check();
      if (problems.length > 0) return problems[0].code;
      expect(readState(engine)).toEqual(expected);
      return undefined;
    } finally {
      await engine.close();
    }
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    expect(['CORRUPTION', 'UNSUPPORTED_FORMAT']).toContain(error.code);
    return error.code;
  }
}

/** Flips one bit in every `step`-th byte of every file. */
export function flippedBitsSuite(step: number): void {
  test(`a bit that flips is noticed, every ${step} bytes`, async () => {
    const { disk, state } = await build();
    expect(await noticed(disk, state)).toBeUndefined();
    const silent: string[] = [];
    let found = 0;
    const files = disk
      .list(DIRECTORY)
      .map((name) => [name, readAll(disk, `${DIRECTORY}/${name}`)] as const);
    const current = files.findLast(([name]) => name.endsWith('.version'))?.[0];
    for (const [name, bytes] of files) {
      // One that is kept for repair cannot be told from what an interrupted install leaves.
      if (name.endsWith('.version') && name !== current) continue;
      for (let position = found % step; position < bytes.length; position += step) {
        const copy = disk.crash(1, 1);
        const file = copy.open(`${DIRECTORY}/${name}`, 'readwrite');
        file.write(Uint8Array.of(bytes[position] ^ (1 << ((position * 5) % 8))), position);
        file.close();
        if ((await noticed(copy, state)) !== undefined) found++;
        else if (!isMeaningless(bytes, `${DIRECTORY}/${name}`, position))
          silent.push(`${name}:${position}`);
      }
    }
    expect(silent).toEqual([]);
    expect(found).toBeGreaterThan(3000 / step);
  });
}
