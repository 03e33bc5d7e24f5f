// Several collections in one commit, somebody in the way, reads that agree, and a reservation that expires.
import { open, retry } from 'stratavec';

const db = await open(process.argv[2] ?? './example-data');
const shelf = await db.collection('shelf', { dimension: 2, metric: 'l2' });
const orders = await db.collection('orders', { vectors: {} }); // No vectors at all: metadata under ids.
await shelf.upsert([
  { id: 'pen', vector: [0, 1], metadata: { stock: 3 } },
  { id: 'ink', vector: [1, 1], metadata: { stock: 1 } },
]);

async function order(id, things) {
  await db.transaction(async (tx) => {
    for (const thing of things) {
      const { metadata } = await tx.collection('shelf').get(thing);
      if (metadata.stock === 0) throw new Error(`no ${thing} left`); // Nothing of it is written.
      await tx.collection('shelf').update(thing, { metadata: { stock: metadata.stock - 1 } });
    }
    await tx.collection('orders').insert({ id, metadata: { things }, ttlSeconds: 3600 });
  });
}

const before = await db.snapshot();
await order('first', ['pen', 'ink']);
await order('second', ['pen', 'ink']).catch(({ message }) => console.log(message));

// Both read the same stock: one of them finds it changed (CONFLICT), and is run again.
await Promise.all(['third', 'fourth'].map((id) => retry(() => order(id, ['pen']))));

const stock = async (of) => (await of.collection('shelf')).get('pen');
console.log('pens:', (await stock(db)).metadata.stock, 'of', (await stock(before)).metadata.stock);
console.log('orders:', await orders.count());
await before.close();
await db.close();
