// Many vectors at once: the graph is built from all of them together, with progress and a way to stop it.
import { open } from 'stratavec';

const count = 3000;
const dimension = 32;
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const db = await open(process.argv[2] ?? './example-data');
const points = await db.collection('points', { dimension, metric: 'l2' });

async function* records() {
  for (let i = 0; i < count; i++) {
    const vector = Float32Array.from({ length: dimension }, (_, j) => Math.sin(i * (j + 1)));
    yield { id: `point-${i}`, vector, metadata: { i } };
  }
}

const phases = new Set();
const { inserted } = await points.ingest(records(), {
  signal: stop.signal,
  onProgress: ({ phase }) => phases.add(phase),
});
console.log(`${inserted} records in ${phases.size} phases`);
const [nearest, next] = await points.search({ id: 'point-7', k: 2 });
console.log(`nearest to point-7: ${nearest.id}, then ${next.id}`);
await db.close();
