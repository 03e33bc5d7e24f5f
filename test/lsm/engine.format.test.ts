/**
 * The engine's files, held fast: the same operations give the bytes that are committed, and directories of
 * earlier builds are opened and read. The name of a fixture says the formats in it, as its bytes say them:
 * whoever changes the bytes of a format without a new number fails here, and beside its encoder
 * (`log.model`, `table.format`, `version.format`); a new number writes a new fixture beside the old one.
 * What is written when (file numbers, the choice of compactions) shows here, too: where only that was
 * changed, and on purpose, `npx vitest run -u` writes the fixture anew.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type Change,
  COUNTS,
  type Commit,
  drainCompaction,
  LISTS,
  Model,
  nextTurn,
  PLAIN,
  toBatch,
} from '../../bench/soak/engine-model.ts';
import { encodeCount } from '../../src/lsm/counter.ts';
import { DELETE, MERGE, SET } from '../../src/lsm/entry.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { fromText, type GoldenFile, readFiles, toText, writeFiles } from '../golden-files.ts';
import { DIRECTORY, expectState, openTiny } from './engine-harness.ts';

const fixtures = 'test/fixtures/v1';
const isFixture = /^engine-.*\.txt$/;

/** All kinds of entries in all trees, a commit over several blocks of a log, and one of attachments. */
function commitOf(i: number): Commit {
  const [hi, lo] = [i % 3 === 0 ? 7 : 0, i % 5];
  const [edge, other] = [Uint32Array.of(i % 13, 20), Uint32Array.of((i + 5) % 13)];
  const set: Change = {
    tree: LISTS,
    hi,
    lo: 2,
    kind: SET,
    value: encodeList(Uint32Array.of(i, 70_000)),
  };
  return {
    changes: [
      { tree: PLAIN, hi, lo, kind: SET, value: new Uint8Array(10 * (i % 7)).fill(i) },
      { tree: PLAIN, hi: 0xffffffff, lo: i % 4, kind: DELETE, value: new Uint8Array(0) },
      { tree: LISTS, hi, lo: 1, kind: MERGE, value: encodeEdges(edge, other) },
      ...(i % 6 === 1 ? [set] : []),
      { tree: COUNTS, hi, lo, kind: MERGE, value: encodeCount(i % 2 === 0 ? i : -(2 ** 40)) },
    ],
    attachments: i % 4 === 0 ? [Uint8Array.of(i), new Uint8Array(3)] : [],
  };
}

const large: Commit = {
  changes: [{ tree: PLAIN, hi: 7, lo: 3, kind: SET, value: new Uint8Array(70_000) }],
  attachments: [],
};
const attached: Commit = { changes: [], attachments: [Uint8Array.of(1, 2, 3)] };

/** The model of what is stored, whether or not this build has written it. */
function history(): { commits: Commit[]; model: Model } {
  const commits = [...Array.from({ length: 36 }, (_, i) => commitOf(i)), large, attached];
  const model = new Model();
  for (const commit of commits) {
    model.add(commit, model.sequence + Math.max(1, commit.changes.length));
  }
  return { commits, model };
}

/** Tables on several levels, and a log that is still needed. */
async function build(): Promise<GoldenFile[]> {
  const disk = new MemoryFileSystem();
  let engine = await openTiny(disk);
  for (const [i, commit] of history().commits.entries()) {
    const sequence = engine.write(toBatch(commit));
    await engine.committed(sequence);
    if (i % 6 === 5 && i < 30) {
      await engine.checkpoint();
      if (i < 20) await drainCompaction(engine);
    }
    if (i === 20) {
      await engine.close();
      engine = await openTiny(disk);
    }
  }
  await engine.close();
  for (let i = 0; i < 20; i++) await nextTurn(); // Obsolete files go by and by.
  return readFiles(disk, DIRECTORY);
}

/** As the files themselves say. */
function formatsOf(files: readonly GoldenFile[]): string {
  const u32 = (suffix: string, offset: number): number => {
    const { bytes } = files.find(({ name }) => name.endsWith(suffix))!;
    return Buffer.from(bytes).readUInt32LE(offset < 0 ? bytes.length + offset : offset);
  };
  const [log, table] = [u32('.wal', 24), u32('.table', -12)];
  return `log${log}-table${table}-version${u32('.version', 4)}-pointer${u32('CURRENT', 4)}`;
}

test('the same operations give the bytes of the fixture, unless a format has a new number', async () => {
  const files = await build();
  expect(files.map(({ name }) => name.replace(/.*\./, ''))).toEqual(
    expect.arrayContaining(['wal', 'table', 'version', 'CURRENT']),
  );
  const path = `../fixtures/v1/engine-${formatsOf(files)}.txt`;
  expect(fromText(toText(files))).toEqual(files);
  await expect(toText(files)).toMatchFileSnapshot(path);
});

test.each(readdirSync(fixtures).filter((name) => isFixture.test(name)))(
  '%s is opened, read and gone on from',
  async (name) => {
    const files = fromText(readFileSync(`${fixtures}/${name}`, 'utf8'));
    const { model } = history();
    for (const readOnly of [true, false]) {
      const disk = new MemoryFileSystem();
      writeFiles(disk, DIRECTORY, files);
      const attachments: number[] = [];
      const replay = (_: number, bytes: Uint8Array): number => attachments.push(bytes[0]);
      const engine = await openTiny(disk, { readOnly, replay });
      expect(engine.appliedSequence).toBe(model.sequence);
      expectState(engine, model.at());
      expect(attachments).toEqual([32, 0, 1]);
      expect(await engine.check()).toEqual({ ok: true, problems: [] });
      if (!readOnly) {
        const sequence = engine.write(toBatch(commitOf(99)));
        model.add(commitOf(99), sequence);
        await engine.checkpoint();
        await engine.compact();
        expectState(engine, model.at());
      }
      await engine.close();
    }
  },
);
