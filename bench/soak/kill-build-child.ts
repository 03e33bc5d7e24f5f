/**
 * The process that gets killed while it builds: it opens the database, fills the collection at once, and waits.
 * `open`, the names of the phases and `built` are written synchronously, so that none of them is lost with
 * the process.
 *
 * Arguments: directory, seed, vectors, vectors of a shard at the most.
 */
import { writeSync } from 'node:fs';
import { openForBuild, vectorsOf } from './kill-build-database.ts';

const [directory, seed, count, shardNodesMax] = process.argv.slice(2);
const { collection } = await openForBuild(directory, Number(shardNodesMax));
const vectors = vectorsOf(Number(seed), Number(count));

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

say('open');
setInterval(() => {}, 60_000); // Only a signal ends this process.
let current: string | undefined;
await collection.build(
  { vectors },
  {
    onProgress: ({ phase }) => {
      if (phase !== current) say(phase);
      current = phase;
    },
  },
);
say('built');
