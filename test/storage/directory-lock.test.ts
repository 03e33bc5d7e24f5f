/**
 * The lock of a database directory between real processes. The other process is `lock-holder.mjs`,
 * which needs a built `dist` (`npm test` builds it).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test, vi } from 'vitest';
import { lockDirectory } from '../../src/storage/directory-lock.ts';
import { encodeOwner, type LockOwner, thisOwner } from '../../src/storage/lock-owner.ts';
import { tempDir } from '../temp-dir.ts';

const isLinux = process.platform === 'linux';
const options = { timeoutMs: 0, onCompromised: () => {} };
const deadToken = '00000000-0000-4000-8000-000000000000';

interface Holder {
  readonly child: ChildProcess;
  readonly pid: number;
  ask(command: string): Promise<string>;
}

/** Starts a holder that lives until the end of the test at most. */
function startHolder(directory: string, staleMs = 10_000): Holder {
  const script = new URL('./lock-holder.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, directory, String(staleMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    child,
    pid: child.pid!,
    async ask(command) {
      child.stdin!.write(`${command}\n`);
      const { value } = await lines.next();
      return String(value);
    },
  };
}

async function killed(holder: Holder): Promise<void> {
  const exit = once(holder.child, 'exit');
  holder.child.kill('SIGKILL');
  await exit;
}

/** Puts a lock there that nobody holds, or somebody far away. Returns the path of its owner file. */
function plant(directory: string, content: string, ageMs: number, name = 'LOCK'): string {
  fs.mkdirSync(`${directory}/${name}/${deadToken}.json.lock`, { recursive: true });
  const ownerFile = `${directory}/${name}/${deadToken}.json`;
  fs.writeFileSync(ownerFile, content);
  age(ownerFile, ageMs);
  return ownerFile;
}

function age(ownerFile: string, ageMs: number): void {
  const time = (Date.now() - ageMs) / 1000;
  fs.utimesSync(ownerFile, time, time);
  fs.utimesSync(`${ownerFile}.lock`, time, time);
}

function owner(changes: Partial<LockOwner>): string {
  return encodeOwner({ ...thisOwner(deadToken), ...changes });
}

function ownerFiles(directory: string): string[] {
  const names = fs.readdirSync(`${directory}/LOCK`).filter((name) => name.endsWith('.json'));
  return names.map((name) => `${directory}/LOCK/${name}`);
}

async function refusal(directory: string): Promise<string> {
  const error = await lockDirectory(directory, options).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'DATABASE_LOCKED' });
  return String(error);
}

test('another process that lives keeps its lock, and is named', async () => {
  await using directory = await tempDir();
  const holder = startHolder(directory.path);
  expect(await holder.ask('lock 0')).toBe('held');
  const message = await refusal(directory.path);
  expect(message).toContain(
    `${directory.path} is in use by process ${holder.pid} on this host for`,
  );
  expect(message).toMatch(/for \d+\.\d s;/);
  expect(await holder.ask('held')).toBe('true 0');
  const patient = lockDirectory(directory.path, { ...options, timeoutMs: 60_000 });
  expect(await holder.ask('release')).toBe('released');
  const lock = await patient;
  expect(await holder.ask('lock 0')).toContain(`process ${process.pid} on this host`);
  await lock.release();
  expect(fs.readdirSync(directory.path)).toEqual([]);
});

test.runIf(isLinux)('a process that lives keeps its lock without a heartbeat', async () => {
  await using directory = await tempDir();
  const holder = startHolder(directory.path);
  await holder.ask('lock 0');
  holder.child.kill('SIGSTOP');
  age(ownerFiles(directory.path)[0], 3_600_000);
  expect(await refusal(directory.path)).toContain(`process ${holder.pid}`);
});

test('the lock of a killed process is taken over at once', async () => {
  await using directory = await tempDir();
  const holder = startHolder(directory.path);
  expect(await holder.ask('lock 0')).toBe('held');
  await killed(holder);
  const lock = await lockDirectory(directory.path, options);
  expect(lock.isHeld()).toBe(true);
  await lock.release();
  expect(fs.readdirSync(directory.path)).toEqual([]);
});

test.runIf(isLinux)('a pid that was given again does not keep a lock', async () => {
  await using directory = await tempDir();
  plant(directory.path, owner({ processStart: '1' }), 0);
  const lock = await lockDirectory(directory.path, options);
  await lock.release();
  plant(directory.path, owner({}), 0);
  expect(await refusal(directory.path)).toContain(`process ${process.pid} (this process)`);
});

test.runIf(isLinux)('a process that has ended but was not waited for is dead', async () => {
  await using directory = await tempDir();
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: 'pipe' });
  onTestFinished(() => {
    parent.kill('SIGKILL');
  });
  const [output] = await once(parent.stdout, 'data');
  const pid = Number(String(output));
  const status = (): string => fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const command = (): string => fs.readFileSync(`/proc/${parent.pid}/comm`, 'utf8');
  await vi.waitFor(() => expect(command()).toBe('sleep\n'), { timeout: 10_000 }); // Waits for nobody.
  process.kill(pid, 'SIGKILL');
  await vi.waitFor(() => expect(status()).toContain(') Z '), { timeout: 10_000 });
  const processStart = status().split(') ')[1].split(' ')[19];
  plant(directory.path, owner({ pid, processStart }), 0);
  const lock = await lockDirectory(directory.path, options);
  await lock.release();
});

const outOfSight: [string, string][] = [
  ['of another host', owner({ host: 'elsewhere', pid: 1 })],
  ['of another boot', owner({ bootId: 'other' })],
  ['of another container', owner({ pidNamespace: 'pid:[1]' })],
  ['without its start time', owner({ processStart: undefined })],
  ['whose file was lost in a power failure', ''],
  ['whose file is not what it should be', '{"token":1,"pid":-1}'],
];

test.each(outOfSight)(
  'an owner %s keeps the lock as long as its heart beats',
  async (_, content) => {
    await using directory = await tempDir();
    const ownerFile = plant(directory.path, content, 3_600_000);
    fs.utimesSync(ownerFile, new Date(), new Date());
    await refusal(directory.path);
    age(ownerFile, 3_600_000);
    fs.utimesSync(`${ownerFile}.lock`, new Date(), new Date());
    await refusal(directory.path);
    age(ownerFile, 3_600_000);
    const lock = await lockDirectory(directory.path, options);
    expect(ownerFiles(directory.path)).toHaveLength(1);
    await lock.release();
    expect(fs.readdirSync(directory.path)).toEqual([]);
  },
);

test('the message names the host of an owner elsewhere', async () => {
  await using directory = await tempDir();
  plant(directory.path, owner({ host: 'elsewhere', pid: 17, since: Date.now() - 90_000 }), 0);
  expect(await refusal(directory.path)).toMatch(
    /in use by process 17 on host elsewhere for 9\d\.\d s/,
  );
  expect(hostname()).not.toBe('elsewhere');
});

test('leftovers are cleared away, but nothing that is not ours', async () => {
  await using directory = await tempDir();
  plant(directory.path, owner({ host: 'elsewhere' }), 3_600_000, `LOCK.${deadToken}`);
  fs.mkdirSync(`${directory.path}/LOCK/${deadToken}.json.lock`, { recursive: true });
  fs.writeFileSync(`${directory.path}/LOCK.txt`, 'a note');
  const lock = await lockDirectory(directory.path, options);
  expect(fs.readdirSync(directory.path)).toEqual(['LOCK', 'LOCK.txt']);
  await lock.release();
  fs.mkdirSync(`${directory.path}/LOCK`);
  fs.writeFileSync(`${directory.path}/LOCK/note`, 'a note');
  expect(await refusal(directory.path)).toContain(`${directory.path}/LOCK/note`);
  expect(fs.readdirSync(directory.path)).toEqual(['LOCK', 'LOCK.txt']);
});

test('a claim that is being made is not taken for a leftover', async () => {
  await using directory = await tempDir();
  const claim = `${directory.path}/LOCK.${deadToken}`;
  fs.mkdirSync(claim); // Its owner file comes in a moment.
  await (await lockDirectory(directory.path, options)).release();
  expect(fs.existsSync(claim)).toBe(true);
  const long = new Date(Date.now() - 3_600_000);
  fs.utimesSync(claim, long, long);
  await (await lockDirectory(directory.path, options)).release();
  expect(fs.existsSync(claim)).toBe(false);
});

test('an opener that waits survives that its claim is swept away', async () => {
  await using directory = await tempDir();
  const lock = await lockDirectory(directory.path, options);
  const patient = lockDirectory(directory.path, { ...options, timeoutMs: 60_000 });
  const claims = fs.readdirSync(directory.path).filter((name) => name.startsWith('LOCK.'));
  expect(claims).toHaveLength(1);
  fs.rmSync(`${directory.path}/${claims[0]}`, { recursive: true });
  await lock.release();
  await (await patient).release();
  expect(fs.readdirSync(directory.path)).toEqual([]);
});

test('after a pause the lock looks at the disk, and the look is a heartbeat', async () => {
  await using directory = await tempDir();
  const onCompromised = vi.fn<(error: Error) => void>();
  const lock = await lockDirectory(directory.path, { timeoutMs: 0, onCompromised });
  const [ownerFile] = ownerFiles(directory.path);
  age(ownerFile, 3_600_000);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6_000 });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  expect(lock.isHeld()).toBe(true);
  expect(Math.abs(fs.statSync(ownerFile).mtimeMs - Date.now())).toBeLessThan(1_000);
  fs.rmSync(ownerFile);
  expect(lock.isHeld()).toBe(true); // The heartbeat is young: no look at the disk.
  vi.setSystemTime(Date.now() + 6_000);
  expect(lock.isHeld()).toBe(false);
  expect(lock.isHeld()).toBe(false);
  expect(onCompromised).toHaveBeenCalledTimes(1);
  expect(onCompromised.mock.calls[0][0]).toMatchObject({
    code: 'IO',
    message: expect.stringContaining(`the lock of ${directory.path} was lost`),
  });
  await lock.release();
  expect(onCompromised).toHaveBeenCalledTimes(1);
});

test.runIf(isLinux)(
  'a suspended owner that was taken for dead elsewhere does no harm to its successor',
  async () => {
    await using directory = await tempDir();
    const holder = startHolder(directory.path, 2_000);
    expect(await holder.ask('lock 0')).toBe('held');
    holder.child.kill('SIGSTOP');
    const [ownerFile] = ownerFiles(directory.path);
    // So it looks from another host.
    fs.writeFileSync(ownerFile, owner({ host: 'elsewhere', pid: holder.pid }));
    age(ownerFile, 3_600_000);
    const lock = await lockDirectory(directory.path, options);
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // Over half of its stale time.
    holder.child.kill('SIGCONT');
    expect(await holder.ask('held')).toBe('false 1');
    expect(await holder.ask('release')).toBe('released');
    expect(await holder.ask('lock 0')).toContain('DatabaseError');
    expect(lock.isHeld()).toBe(true);
    expect(ownerFiles(directory.path)).toHaveLength(1);
    await lock.release();
  },
);

test('a lost heartbeat is reported without being asked for', async () => {
  await using directory = await tempDir();
  let lost: ((error: Error) => void) | undefined;
  const loss = new Promise<Error>((resolve) => {
    lost = resolve;
  });
  const heartbeat = { staleMs: 2_000, intervalMs: 1_000 };
  const lock = await lockDirectory(
    directory.path,
    { timeoutMs: 0, onCompromised: lost! },
    heartbeat,
  );
  fs.rmSync(`${directory.path}/LOCK`, { recursive: true });
  const next = await lockDirectory(directory.path, options);
  expect(await loss).toBeInstanceOf(Error);
  expect(lock.isHeld()).toBe(false);
  await lock.release();
  expect(next.isHeld()).toBe(true);
  expect(ownerFiles(directory.path)).toHaveLength(1);
  await next.release();
});

test('a lock does not keep its process alive, and is free when it has ended', async () => {
  await using directory = await tempDir();
  const holder = startHolder(directory.path);
  const exit = once(holder.child, 'exit');
  await holder.ask('lock 0');
  await holder.ask('leave');
  expect(await exit).toEqual([0, null]);
  await (await lockDirectory(directory.path, options)).release();
});

test('of several processes that find a dead owner one takes over', async () => {
  await using directory = await tempDir();
  const holders = [1, 2, 3].map(() => startHolder(directory.path));
  await Promise.all(holders.map((holder) => holder.ask('lock 0'))); // All are up.
  for (const holder of holders) await holder.ask('release');
  for (let round = 0; round < 20; round++) {
    plant(directory.path, owner({ processStart: '1', pid: 2 ** 22 + 1 }), 3_600_000);
    const answers = await Promise.all(holders.map((holder) => holder.ask('lock 0')));
    const winners = holders.filter((_, i) => answers[i] === 'held');
    expect(winners.length, answers.join('\n')).toBe(1);
    for (const answer of answers)
      expect(answer).toMatch(/^held$|in use by process \d+ on this host/);
    expect(await winners[0].ask('held')).toBe('true 0');
    await winners[0].ask('release');
  }
});

test('in a storm of processes that lock, release and die no two are inside', async () => {
  await using directory = await tempDir();
  const holders = [1, 2, 3, 4].map(() => startHolder(directory.path));
  const exits = holders.map((holder) => once(holder.child, 'exit'));
  const answers = await Promise.all(holders.map((holder) => holder.ask('storm 15')));
  expect(answers).toEqual(['done', 'done', 'done', 'done']);
  await Promise.all(exits);
  await (await lockDirectory(directory.path, options)).release();
  expect(fs.readdirSync(directory.path)).toEqual([]);
});
