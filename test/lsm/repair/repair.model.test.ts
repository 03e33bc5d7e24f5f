/**
 * After any single damaged region, a repair leaves an engine that opens and passes its check, holds nothing
 * that was not written, and differs only in keys that the damaged file had entries of.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Commit,
  LISTS,
  Model,
  nextTurn,
  PLAIN,
  readState,
  scanState,
  toBatch,
} from '../../../bench/soak/engine-model.ts';
import { loadHasher } from '../../../src/base/hasher.ts';
import { SET } from '../../../src/lsm/entry.ts';
import { readEdges, readList } from '../../../src/lsm/list-codec.ts';
import { readBytes } from '../../../src/lsm/repair/base-version.ts';
import { repairEngine } from '../../../src/lsm/repair/repair.ts';
import { salvageLog } from '../../../src/lsm/repair/salvage-log.ts';
import { salvageTable } from '../../../src/lsm/repair/salvage-table.ts';
import { BatchReader } from '../../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { damage, inflict } from '../../damage.ts';
import { commit, DIRECTORY, openTiny, tinyOptions } from '../engine-harness.ts';

const hasher = await loadHasher();

interface Built {
  readonly disk: MemoryFileSystem;
  readonly model: Model;
  readonly commits: readonly Commit[];
}

async function build(seed: number, lz4: boolean): Promise<Built> {
  const commits = fc.sample(commit, { numRuns: 24, seed });
  const disk = new MemoryFileSystem();
  const model = new Model();
  const trees = tinyOptions().trees.map((tree) =>
    lz4 ? { ...tree, codec: 'lz4' as const } : tree,
  );
  const engine = await openTiny(disk, { trees, blockBytes: lz4 ? 512 : 128 });
  for (const [i, each] of commits.entries()) {
    const sequence = engine.write(toBatch(each));
    model.add(each, sequence);
    await engine.committed(sequence);
    if (i % 5 === 4 && i < 20) await engine.checkpoint();
    if (i === 9) await engine.compact();
  }
  await engine.close();
  await nextTurn();
  return { disk, model, commits };
}

const toKey = (tree: number, hi: number, lo: number): string =>
  [String(tree), ...[hi, lo].map((half) => half.toString(16).padStart(8, '0'))].join(' ');

/** Keys that a file holds entries of. */
function keysOf(disk: MemoryFileSystem, name: string): Set<string> {
  const keys = new Set<string>();
  const number = Number(name.slice(0, 6));
  const file = `${DIRECTORY}/${name}`;
  if (name.endsWith('.table')) {
    const table = salvageTable({ bytes: readBytes(disk, file), number, file, hasher });
    const cursor = table.cursor();
    for (cursor.seekFirst(); cursor.valid; cursor.next()) {
      keys.add(toKey(table.properties?.tree ?? 0, cursor.hi, cursor.lo));
    }
  } else if (name.endsWith('.wal')) {
    for (const { entries } of salvageLog({ bytes: readBytes(disk, file), number, hasher })
      .commits) {
      const reader = new BatchReader(entries);
      while (reader.next()) keys.add(toKey(reader.tree, reader.hi, reader.lo));
    }
  }
  return keys;
}

/** Whether the value could come from what was written to the key. */
function isOfKey(commits: readonly Commit[], key: string, hex: string): boolean {
  const changes = commits
    .flatMap((each) => each.changes)
    .filter(({ tree, hi, lo }) => toKey(tree, hi, lo) === key);
  if (key.startsWith(`${PLAIN} `)) {
    return changes.some(
      ({ kind, value }) => kind === SET && Buffer.from(value).toString('hex') === hex,
    );
  }
  if (!key.startsWith(`${LISTS} `)) return changes.length > 0;
  const ids = new Set<number>();
  for (const { kind, value } of changes) {
    for (const id of kind === SET ? readList(value)! : (readEdges(value)?.added ?? [])) ids.add(id);
  }
  return [...readList(Buffer.from(hex, 'hex'))!].every((id) => ids.has(id));
}

for (const lz4 of [false, true]) {
  test(`any single damaged region is repaired (${lz4 ? 'lz4' : 'plain'} blocks)`, async () => {
    const built = await Promise.all([1, 2, 3].map((seed) => build(seed, lz4)));
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.nat(), damage, async (which, pick, how) => {
        const base = built[which];
        const { model, commits } = base;
        const disk = base.disk.crash(1, 1);
        const names = disk.list(DIRECTORY);
        const name = names[pick % names.length];
        const touched = keysOf(disk, name);
        inflict(disk, `${DIRECTORY}/${name}`, how);
        const report = await repairEngine(disk, DIRECTORY, tinyOptions());
        const engine = await openTiny(disk);
        expect(await engine.check()).toEqual({ ok: true, problems: [] });
        const state = readState(engine);
        expect(scanState(engine)).toEqual(state);
        const expected = new Map(model.at());
        const found = new Map(state);
        for (const [key, value] of found) {
          if (touched.has(key)) expect(isOfKey(commits, key, value)).toBe(true);
          else expect([key, value]).toEqual([key, expected.get(key)]);
        }
        for (const key of expected.keys()) {
          if (!found.has(key)) expect([name, touched.has(key), key]).toEqual([name, true, key]);
        }
        if (report.lost.length === 0 && !name.endsWith('.wal')) {
          expect(state).toEqual(model.at());
        }
        // And it goes on: another repair finds nothing, and commits are taken.
        await engine.committed(engine.write(toBatch(commits[0])));
        await engine.close();
        const again = await repairEngine(disk, DIRECTORY, tinyOptions());
        expect(again).toMatchObject({ wasSound: true, lost: [], movedFiles: [] });
      }),
      { numRuns: 100 },
    );
  });
}
