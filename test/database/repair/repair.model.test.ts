/**
 * After any single damaged region in any file, a repair leaves a database that opens and passes its check,
 * whose records hold only what was once written to them, and that differs only in what the damaged file could
 * have held: indexes, graph, versions and catalog cost nothing, pages cost vectors, bodies metadata.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadHasher } from '../../../src/base/hasher.ts';
import { BODIES_TREE, HEADS_TREE, PAGES_TREE } from '../../../src/database/trees.ts';
import { type Collection, type Database, open, repair } from '../../../src/index.ts';
import { salvageTable } from '../../../src/lsm/repair/salvage-table.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { damage, inflict, readAll } from '../../damage.ts';
import { SMALL_MEMORY } from '../fixtures.ts';
import { HISTORY_OPTIONS, type Model, remove, type Stored, upsert } from '../history.ts';

const hasher = await loadHasher();
const options = { memoryBytes: SMALL_MEMORY };
const writes = [
  upsert(0, 30, 1),
  'flush',
  upsert(20, 20, 2),
  remove([3, 4]),
  'flush',
  upsert(10, 12, 3),
  remove([30]),
] as const;

interface Built {
  readonly disk: MemoryFileSystem;
  readonly model: Model;
  readonly models: readonly Model[];
}

async function build(isClosed: boolean): Promise<Built> {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { ...options, fileSystem });
  const things: Collection<Stored['metadata']> = await db.collection('things', HISTORY_OPTIONS);
  const models: Model[] = [new Map()];
  for (const write of writes) {
    if (write === 'flush') await db.flush();
    else {
      await write.run(things);
      models.push(write.apply(models[models.length - 1]));
    }
  }
  if (isClosed) await db.close();
  const disk = fileSystem.crash(1, isClosed ? 1 : 0);
  return { disk, model: models[models.length - 1], models };
}

function filesOf(disk: MemoryFileSystem): string[] {
  const trees = disk.list('/db/lsm').map((name) => `/db/lsm/${name}`);
  return disk.exists('/db/data.pages') ? [...trees, '/db/data.pages'] : trees;
}

type Kept = 'all' | 'metadata' | 'vectors' | 'anything';

/** What damage to a file leaves untouched. */
function keptBy(disk: MemoryFileSystem, path: string): Kept {
  if (path.endsWith('.pages')) return 'metadata';
  if (path.endsWith('.wal')) return 'anything';
  if (!path.endsWith('.table')) return 'all';
  const number = Number(path.slice(-12, -6));
  const { properties } = salvageTable({ bytes: readAll(disk, path), number, file: path, hasher });
  if (properties?.tree === HEADS_TREE) return 'anything';
  if (properties?.tree === BODIES_TREE) return 'vectors';
  return properties?.tree === PAGES_TREE ? 'metadata' : 'all';
}

type Content = Partial<Stored>;

async function contentOf(db: Database): Promise<Map<number, Content>> {
  const things: Collection<Stored['metadata']> = await db.collection('things');
  const found = new Map<number, Content>();
  for await (const { id, vector, metadata } of things.scan()) {
    found.set(id as number, { ...(vector && { vector }), ...(metadata && { metadata }) });
  }
  return found;
}

function expectKept(
  found: ReadonlyMap<number, Content>,
  { model, models }: Built,
  kept: Kept,
): void {
  for (const [id, content] of found) {
    const written = models.map((each) => each.get(id)).filter((each) => each !== undefined);
    const { vector, metadata } = content;
    if (vector) expect(written.map((each) => each.vector)).toContainEqual(vector);
    if (metadata) expect(written.map((each) => each.metadata)).toContainEqual(metadata);
  }
  if (kept === 'anything') return;
  expect([...found.keys()].sort()).toEqual([...model.keys()].sort());
  for (const [id, { vector, metadata }] of model) {
    const content = found.get(id);
    if (kept !== 'metadata') expect(content?.vector).toEqual(vector);
    // An older body may come back when the newest is lost.
    if (kept !== 'vectors') expect(content?.metadata).toEqual(metadata);
  }
}

for (const isClosed of [true, false]) {
  test(`any single damaged region is repaired, ${isClosed ? 'closed' : 'after a crash'}`, async () => {
    const built = await build(isClosed);
    const files = filesOf(built.disk);
    expect(files.length).toBeGreaterThan(8);
    await fc.assert(
      fc.asyncProperty(fc.nat(files.length - 1), damage, async (which, how) => {
        const disk = built.disk.crash(1, 1);
        const path = files[which];
        const kept = keptBy(disk, path);
        inflict(disk, path, how);
        const report = await repair('/db', { ...options, fileSystem: disk });
        const db = await open('/db', { ...options, fileSystem: disk });
        try {
          expect((await db.check()).problems).toEqual([]);
          const found = await contentOf(db);
          expect(found.size).toBe(report.recovered.records);
          expectKept(found, built, kept);
          if (report.lost.length === 0 && kept !== 'anything') expectKept(found, built, 'all');
          const things = await db.collection('things');
          await things.upsert({ id: 999, vector: new Float32Array(8).fill(1) });
        } finally {
          await db.close();
        }
        const again = await repair('/db', { ...options, fileSystem: disk });
        expect(again).toMatchObject({ wasSound: true, wasRebuilt: false, lost: [] });
      }),
      { numRuns: 25 },
    );
  });
}

test('a repair that goes on after an interrupted one still says that records are lost', async () => {
  const { disk, model } = await build(true);
  const heads = filesOf(disk).filter((path) => {
    if (!path.endsWith('.table')) return false;
    const number = Number(path.slice(-12, -6));
    const table = salvageTable({ bytes: readAll(disk, path), number, file: path, hasher });
    return table.properties?.tree === HEADS_TREE;
  });
  for (const path of heads) inflict(disk, path, { kind: 'zeros', from: 0, length: 0.1 });
  const given = { ...options, fileSystem: disk };
  const aborted = repair('/db', { ...given, signal: AbortSignal.abort() });
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
  const { lost, recovered } = await repair('/db', given);
  const missing = model.size - recovered.records;
  expect(missing).toBeGreaterThan(0);
  expect(lost).toContainEqual({
    what: 'records',
    where: 'collection things',
    detail: `${missing} of the ${model.size} that it counted`,
  });
});
