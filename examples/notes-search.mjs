// Notes that are found by their words: the built-in embedder, no model, no server.
import { hashingEmbedder, open } from 'stratavec';

const embedder = hashingEmbedder({ dimension: 256 });
const db = await open(process.argv[2] ?? './example-data');
const notes = await db.collection('notes', { dimension: 256, metric: 'cosine' });

const texts = {
  bread: 'Mix flour, water, salt and yeast; let the dough rise for two hours.',
  bicycle: 'Oil the chain of the bicycle every second week.',
  tax: 'The tax return is due at the end of July.',
  garden: 'Water the tomatoes in the morning, never at noon.',
};
await notes.upsert(
  Object.entries(texts).map(([id, text]) => ({ id, vector: embedder.embed(text), text })),
);

for (const question of [
  'when is my tax return due',
  'water for tomatoes',
  'let the dough of the bread rise',
]) {
  const [hit] = await notes.search({ vector: embedder.embed(question), k: 1, include: ['text'] });
  console.log(`${question}: ${hit.id} (${hit.score.toFixed(2)}) ${hit.text}`);
}
await db.close();
