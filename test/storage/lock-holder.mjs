/**
 * A process that takes database locks, for directory-lock.test.ts. It obeys one command a line and
 * answers one line to each:
 *
 *   lock <timeoutMs>   "held" or the message of the error
 *   held               "true" or "false", and how often the lock was reported as lost
 *   release            "released"
 *   storm <rounds>     locks, works and releases so often, then dies with the lock in its hand
 *   leave              stops reading, so that only a forgotten timer could keep the process alive
 *
 * It runs the compiled library, as plain Node cannot run TypeScript everywhere: `npm run build` first.
 */
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { lockDirectory } from '../../dist/src/storage/directory-lock.js';

const [directory, staleMs] = process.argv.slice(2);
const heartbeat = { staleMs: Number(staleMs), intervalMs: 1_000 };
let lock;
let losses = 0;

function take(timeoutMs) {
  return lockDirectory(directory, { timeoutMs, onCompromised: () => losses++ }, heartbeat);
}

/** Fails when another process is inside. */
function work() {
  const inside = `${directory}/inside`;
  closeSync(openSync(inside, 'wx'));
  for (const end = performance.now() + 1; performance.now() < end; );
  unlinkSync(inside);
}

const commands = {
  async lock(timeoutMs) {
    lock = await take(Number(timeoutMs));
    return 'held';
  },
  async held() {
    return `${lock.isHeld()} ${losses}`;
  },
  async release() {
    await lock.release();
    return 'released';
  },
  async storm(rounds) {
    for (let round = 0; round < Number(rounds); round++) {
      const held = await take(60_000);
      work();
      await held.release();
    }
    await take(60_000);
    work();
    console.log('done');
    process.kill(process.pid, 'SIGKILL');
  },
  async leave() {
    input.close();
    process.stdin.unref();
    return 'leaving';
  },
};

const input = createInterface({ input: process.stdin });
input.on('line', async (line) => {
  const [command, argument] = line.split(' ');
  const answer = await commands[command](argument).catch((error) => String(error));
  console.log(answer);
});
