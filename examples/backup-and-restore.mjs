// A backup beside writes, a look at it with check, and back again into another folder.
import { join } from 'node:path';
import { open, restore } from 'stratavec';

const folder = process.argv[2] ?? './example-data';
const db = await open(join(folder, 'live'));
const things = await db.collection('things', { dimension: 3, metric: 'cosine' });
await things.upsert(Array.from({ length: 100 }, (_, id) => ({ id, vector: [1, id, id * id] })));

const writing = things.upsert({ id: 'later', vector: [1, 1, 1] });
await db.backup(join(folder, 'backup'));
await writing;
await db.close();

await restore(join(folder, 'backup'), join(folder, 'restored'));
const restored = await open(join(folder, 'restored'));
const { ok } = await restored.check();
const copy = await restored.collection('things');
console.log(`sound: ${ok}, at least 100 records: ${(await copy.count()) >= 100}`);
await restored.close();
