/**
 * Names against the tree that they are from: whatever was written, flushed, merged or held by a snapshot since, a reader
 * who is given a name finds the same one in the head that he would read.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { encodeHead, NO_NAMED } from '../../src/database/head.ts';
import { HeadReader } from '../../src/database/head-reader.ts';
import { NameCache } from '../../src/database/name-cache.ts';
import type { RecordId } from '../../src/database/record.ts';
import { encodeId } from '../../src/database/record-id.ts';
import { HEADS_TREE, treeSpecs } from '../../src/database/trees.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const hasher = await loadHasher();
const COLLECTIONS = 2;
const RECORDS = 12;

interface Key {
  readonly collection: number;
  readonly record: number;
}

type Operation =
  | ({
      readonly do: 'set';
      readonly node: number;
      readonly id: RecordId;
      readonly spaced: boolean;
    } & Key)
  | ({ readonly do: 'delete' } & Key)
  | { readonly do: 'checkpoint' | 'compact' | 'hold' | 'letGo' };

const key = {
  collection: fc.nat(COLLECTIONS - 1),
  record: fc.nat(RECORDS - 1),
};
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('set'),
      ...key,
      node: fc.nat(3),
      id: fc.oneof(fc.nat(5), fc.constantFrom('a', 'bcd', 7n)),
      spaced: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete'), ...key }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('checkpoint', 'checkpoint', 'compact', 'hold', 'letGo', 'letGo'),
    }),
  },
);

async function openEngine(): Promise<LsmEngine> {
  return await LsmEngine.open(new MemoryFileSystem(), '/db', {
    trees: treeSpecs('none'),
    hasher,
    durability: 'os',
    autoCompact: false,
    memtableBytes: 1 << 18,
    blockCacheBytes: 1 << 18,
  });
}

/** What is known of each record by a reader who may be given names, and by one who reads heads. */
function readAll(heads: HeadReader, sequence: number): void {
  for (let collection = 0; collection < COLLECTIONS; collection++) {
    for (let record = 0; record < RECORDS; record++) {
      const isNamed = heads.readName(collection, record, sequence);
      const named = isNamed === true ? { node: heads.node(0), ...heads.name } : undefined;
      const isThere = heads.read(collection, record, sequence);
      const read = isThere === true ? { node: heads.node(0), ...heads.name } : undefined;
      expect(named).toEqual(read);
    }
  }
}

async function run(operations: readonly Operation[], bytesMax: number): Promise<number> {
  const engine = await openEngine();
  const names = new NameCache(engine, bytesMax);
  const heads = new HeadReader(engine, names);
  const held = [engine.snapshot()];
  let given = 0;
  try {
    for (const op of operations) {
      if (op.do === 'set' || op.do === 'delete') {
        const batch = new WriteBatch();
        if (op.do === 'delete') batch.delete(HEADS_TREE, op.collection, op.record);
        else {
          const namespace = op.spaced ? 'there' : '';
          const rest = { named: NO_NAMED, hasBody: false, expiresAt: undefined };
          const head = encodeHead({ ...rest, node: op.node, namespace, id: encodeId(op.id) });
          batch.set(HEADS_TREE, op.collection, op.record, head);
        }
        await engine.committed(engine.write(batch));
      } else if (op.do === 'hold') held.push(engine.snapshot());
      else if (op.do === 'letGo') held.shift()?.release();
      else if (op.do === 'compact') await engine.compact();
      else await engine.checkpoint();
      for (const { sequence } of [...held, { sequence: engine.publishedSequence }]) {
        readAll(heads, sequence);
      }
      for (let record = 0; record < RECORDS; record++) {
        if (names.find(0, record, engine.publishedSequence) >= 0) given++;
      }
      expect(names.bytes).toBeLessThanOrEqual(bytesMax + 100);
    }
  } finally {
    for (const snapshot of held) snapshot.release();
    await engine.close();
  }
  return given;
}

test('a name is the one in the head, whatever has been written since', async () => {
  let given = 0;
  const operations = fc.array(operation, { minLength: 10, maxLength: 40 });
  await fc.assert(
    // Some with so few places that records push each other out.
    fc.asyncProperty(operations, fc.constantFrom(150, 2000), async (operations, bytesMax) => {
      given += await run(operations, bytesMax);
    }),
    { numRuns: 60 },
  );
  expect(given).toBeGreaterThan(100);
});
