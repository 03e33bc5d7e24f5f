/** Reads side by side: how many rounds they take, what they may hold, and what becomes of them when files change. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { File } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { StagedReads } from '../../src/storage/staged-reads.ts';
import { StagingFileSystem } from '../../src/storage/staging-file-system.ts';
import { SlowFileSystem } from './slow-file-system.ts';

const SIZE = 64;

/** A file of numbered chunks on a slow disk. */
function setUp({ bytesMax = 1 << 20, readMs = 1 } = {}) {
  const memory = new MemoryFileSystem();
  const slow = new SlowFileSystem(memory, readMs);
  const faulty = new FaultyFileSystem(slow);
  const reads = new StagedReads({ bytesMax, now: () => slow.ms });
  const fileSystem = new StagingFileSystem(faulty, reads);
  const file = fileSystem.open('file', 'create');
  for (let i = 0; i < 256; i++) file.write(new Uint8Array(SIZE).fill(i), i * SIZE);
  return { slow, faulty, reads, fileSystem, file };
}

function readChunk(file: File, chunk: number): number {
  const target = new Uint8Array(SIZE);
  expect(file.readInto(target, chunk * SIZE)).toBe(SIZE);
  expect(new Set(target).size).toBe(1);
  return target[0];
}

describe('rounds', () => {
  test('what is read side by side takes one round; what hangs on it, one more', async () => {
    const { slow, reads, file } = setUp();
    const found: number[][] = [];
    const loads = [1, 2, 3, 4].map((chunk, i) => () => {
      const first = readChunk(file, chunk);
      found[i] = [first, readChunk(file, first + 10), readChunk(file, first + 20)];
    });
    await reads.together(loads);
    expect(found).toEqual([1, 2, 3, 4].map((chunk) => [chunk, chunk + 10, chunk + 20]));
    expect([slow.rounds, slow.backgroundReads, slow.serialReads, slow.widest]).toEqual([
      3, 12, 0, 4,
    ]);
    expect(reads.bytes).toBe(0);
  });

  test('one read serves all who want it, in one group or in several', async () => {
    const { slow, reads, file } = setUp();
    const load = (): void => void readChunk(file, 7);
    await Promise.all([reads.together([load, load]), reads.together([load])]);
    expect(slow.backgroundReads).toBe(1);
    expect(reads.bytes).toBe(0);
  });

  test('who uses the reads finds them without reading again, in the turn in which the last load ended', async () => {
    const { slow, reads, file } = setUp();
    let found: number[] = [];
    const chunks = Array.from({ length: 80 }, (_, i) => i);
    await reads.together(
      chunks.map((chunk) => () => void readChunk(file, chunk)),
      () => {
        expect(reads.bytes).toBe(80 * SIZE);
        found = chunks.map((chunk) => readChunk(file, chunk));
      },
    );
    expect(found).toEqual(chunks);
    expect([slow.backgroundReads, slow.serialReads, reads.bytes]).toEqual([80, 0, 0]);
  });

  test('more groups than may be under way wait for their turn', async () => {
    const { slow, reads, file } = setUp();
    const found = new Set<number>();
    const groups = Array.from({ length: 40 }, (_, i) =>
      reads.together([0, 1, 2].map((n) => () => void found.add(readChunk(file, 3 * i + n)))),
    );
    await Promise.all(groups);
    expect(found.size).toBe(120);
    expect(slow.widest).toBeLessThanOrEqual(12);
    expect(slow.backgroundReads + slow.serialReads).toBeGreaterThanOrEqual(120);
    expect(reads.bytes).toBe(0);
  });

  test('the stage holds what it may, and one read a group where that is less', async () => {
    const { slow, reads, file } = setUp({ bytesMax: 4 * SIZE });
    let most = 0;
    const loads = Array.from({ length: 20 }, (_, i) => () => {
      most = Math.max(most, reads.bytes);
      readChunk(file, i);
    });
    await reads.together(loads);
    expect(most).toBe(4 * SIZE);
    expect([slow.rounds, slow.backgroundReads]).toEqual([5, 20]);

    const tight = setUp({ bytesMax: 0 });
    await tight.reads.together([1, 2, 3].map((chunk) => () => void readChunk(tight.file, chunk)));
    expect([tight.slow.rounds, tight.slow.widest]).toEqual([3, 1]);
  });

  test('loads that hang on each other in any way give what reads one after the other give', async () => {
    const chains = fc.array(fc.array(fc.nat(255), { maxLength: 5 }), { maxLength: 50 });
    const bytesMax = fc.integer({ min: 0, max: 20 * SIZE });
    await fc.assert(
      fc.asyncProperty(chains, bytesMax, fc.boolean(), async (given, most, isUsed) => {
        const { reads, file } = setUp({ bytesMax: most });
        const found: number[][] = given.map(() => []);
        const loads = given.map((chain, i) => () => {
          found[i] = chain.map((chunk) => readChunk(file, chunk));
        });
        let used: number[][] | undefined;
        const use = (): void => {
          used = given.map((chain) => chain.map((chunk) => readChunk(file, chunk)));
        };
        await reads.together(loads, isUsed ? use : undefined);
        expect(found).toEqual(given);
        expect(used).toEqual(isUsed ? given : undefined);
        expect(reads.bytes).toBe(0);
      }),
    );
  });
});

describe('files that change', () => {
  test('what is written over is read again; what lies beside it is not', async () => {
    const { slow, reads, file } = setUp();
    const found = new Map<number, number>();
    const loads = [10, 11, 12].map((chunk) => () => void found.set(chunk, readChunk(file, chunk)));
    const done = reads.together(loads);
    await Promise.resolve();
    file.write(new Uint8Array(SIZE).fill(99), 11 * SIZE);
    await done;
    expect([...found]).toEqual([
      [10, 10],
      [12, 12],
      [11, 99],
    ]);
    expect([slow.rounds, slow.backgroundReads, reads.bytes]).toEqual([2, 4, 0]);
  });

  test('what is cut off is gone', async () => {
    const { reads, file } = setUp();
    let count = -1;
    const done = reads.together([
      () => {
        count = file.readInto(new Uint8Array(SIZE), 200 * SIZE);
      },
    ]);
    await Promise.resolve();
    file.truncate(200 * SIZE);
    await done;
    expect(count).toBe(0);
  });

  test('a file that is always written over is read in the end', async () => {
    const { slow, reads, file } = setUp();
    let version = 0;
    let found = -1;
    const timer = setInterval(() => {}, 1000);
    const done = reads.together([
      () => {
        // Between two tries: as a writer would, whose turn it is.
        setImmediate(() => file.write(new Uint8Array(SIZE).fill(++version % 256), 0));
        found = readChunk(file, 0);
      },
    ]);
    await done;
    clearInterval(timer);
    expect(found).toBe(version - 1);
    expect(slow.serialReads).toBe(1);
    expect(reads.bytes).toBe(0);
  });

  test('a file that a load opens may be closed with its read under way', async () => {
    const { reads, fileSystem } = setUp();
    let found = -1;
    await reads.together([
      () => {
        const file = fileSystem.open('file', 'read');
        try {
          found = readChunk(file, 5);
        } finally {
          file.close();
        }
      },
    ]);
    expect(found).toBe(5);
  });
});

describe('failures', () => {
  test('each read that fails rejects the call, after the others have ended, and nothing is left', async () => {
    for (let n = 1; n <= 6; n++) {
      const { faulty, reads, file } = setUp();
      faulty.failCall(faulty.calls + n, 'EIO');
      const load = (chunk: number) => () => void readChunk(file, readChunk(file, chunk) + 1);
      await expect(reads.together([load(1), load(11), load(21)])).rejects.toMatchObject({
        code: 'IO',
      });
      expect(faulty.faults).toBe(1);
      expect(reads.bytes).toBe(0);
      await reads.together([load(1), load(11), load(21)]);
    }
  });

  test('what a load throws itself is thrown, and what `use` throws', async () => {
    const { reads, file } = setUp();
    const broken = (): void => {
      readChunk(file, 1);
      throw new Error('broken');
    };
    const sound = (): void => void readChunk(file, 2);
    await expect(reads.together([sound, broken])).rejects.toThrow('broken');
    await expect(reads.together([sound], broken)).rejects.toThrow('broken');
    expect(reads.bytes).toBe(0);
  });

  test('a load that throws an error of its own instead of that of the read waits all the same', async () => {
    const { reads, file } = setUp();
    let found = -1;
    await reads.together([
      () => {
        try {
          found = readChunk(file, 3);
        } catch (cause) {
          throw new Error('broken', { cause });
        }
      },
    ]);
    expect(found).toBe(3);
  });

  test('a load that catches every error waits all the same', async () => {
    const { reads, file } = setUp();
    let found = -1;
    await reads.together([
      () => {
        try {
          found = readChunk(file, 3);
        } catch {
          found = -2;
        }
      },
    ]);
    expect(found).toBe(3);
  });
});

describe('what is at hand', () => {
  test('is found without a read, and what is not is not read', async () => {
    const { slow, reads, file } = setUp();
    expect(reads.ifAtHand(() => 'none')).toBe('none');
    expect(reads.ifAtHand(() => readChunk(file, 3))).toBeUndefined();
    expect([slow.backgroundReads, slow.serialReads, reads.bytes]).toEqual([0, 0, 0]);
    expect(() =>
      reads.ifAtHand(() => {
        throw new Error('broken');
      }),
    ).toThrow('broken');
    expect(readChunk(file, 3)).toBe(3);
  });

  test('is not what another one waits for; whose read stays', async () => {
    const { slow, reads, file } = setUp();
    let found = -1;
    const done = reads.together([
      () => {
        found = readChunk(file, 3);
      },
    ]);
    await Promise.resolve();
    expect(reads.ifAtHand(() => readChunk(file, 3))).toBeUndefined();
    await done;
    expect([found, slow.backgroundReads, reads.bytes]).toEqual([3, 1, 0]);
  });
});

describe('speed', () => {
  test('reads are slow after a few slow ones, and quick after some quick ones', () => {
    const { slow, reads, file } = setUp({ readMs: 0.2 });
    expect(reads.isSlow).toBe(false);
    let count = 0;
    while (!reads.isSlow) count += readChunk(file, 1);
    expect(count).toBeLessThan(20);
    slow.readMs = 0.002;
    count = 0;
    while (reads.isSlow) count += readChunk(file, 1);
    expect(count).toBeLessThan(20);
  });

  test('one long read does not make them slow, nor does a long file', () => {
    const { slow, reads, file } = setUp({ readMs: 0.002 });
    // One in eight is timed: some of these long ones are.
    for (let i = 0; i < 1000; i++) {
      slow.readMs = i % 101 === 0 ? 30 : 0.002;
      readChunk(file, 1);
      expect(reads.isSlow).toBe(false);
    }
    slow.readMs = 1;
    for (let i = 0; i < 50; i++) file.readInto(new Uint8Array(100_000), 0);
    expect(reads.isSlow).toBe(false);
  });

  test('reads side by side notice by themselves that they have become quick', async () => {
    for (const readMs of [0.05, 0.001]) {
      const { slow, reads, file } = setUp({ readMs: 1 });
      while (!reads.isSlow) readChunk(file, 1);
      slow.readMs = readMs;
      let groups = 0;
      for (; reads.isSlow; groups++) {
        await reads.together([1, 2].map((chunk) => () => void readChunk(file, chunk)));
      }
      expect(groups).toBeLessThan(40);
    }
  });

  test('a file that cannot be read in the background is never slow', () => {
    let now = 0;
    const reads = new StagedReads({ bytesMax: 1000, now: () => (now += 10) });
    const fileSystem = new StagingFileSystem(new MemoryFileSystem(), reads);
    const file = fileSystem.open('file', 'create');
    file.write(new Uint8Array(10), 0);
    for (let i = 0; i < 50; i++) file.readInto(new Uint8Array(10), 0);
    expect(reads.isSlow).toBe(false);
  });
});
