// Metadata beside vectors: search, count, scan and delete by filter. The language: docs/filters.md.
import { open } from 'stratavec';

const db = await open(process.argv[2] ?? './example-data');
const books = await db.collection('books', {
  dimension: 2,
  metric: 'l2',
  fields: { year: 'number' }, // An index: filters on the year do not look at every record.
});
await books.upsert([
  { id: 'emma', vector: [1, 0], metadata: { year: 1815, tags: ['novel'], author: { born: 1775 } } },
  { id: 'ulysses', vector: [2, 0], metadata: { year: 1922, tags: ['novel', 'long'] } },
  { id: 'orlando', vector: [3, 0], metadata: { year: 1928, tags: ['novel'] } },
  { id: 'waste land', vector: [4, 0], metadata: { year: 1922, tags: ['poem'] } },
]);

const hits = await books.search({ vector: [0, 0], filter: { year: { $gt: 1900 } }, k: 2 });
console.log('after 1900:', hits.map(({ id }) => id).join(', '));
console.log('poems:', await books.count({ filter: { tags: { $any: ['poem'] } } }));

const old = { 'author.born': { $lt: 1800 } };
for await (const { id } of books.scan({ filter: old })) console.log('by an old author:', id);

const shortNovels = { tags: { $any: ['novel'] }, $nor: [{ tags: { $any: ['long'] } }] };
console.log('deleted:', await books.delete({ filter: shortNovels }));
console.log('left:', await books.count());
await db.close();
