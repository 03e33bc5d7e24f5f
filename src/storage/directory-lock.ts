/**
 * The lock of a database directory on a real disk.
 *
 *     LOCK/<token>.json        the owner file: who, where, since when
 *     LOCK/<token>.json.lock/  its heartbeat: a directory whose time `proper-lockfile` renews
 *     LOCK.<token>/            a claim: the same owner file, before it has won
 *
 * - To claim is to rename `LOCK.<token>` to `LOCK`. The system does that only when there is no `LOCK`
 *   or an empty one, so of several takers one wins, and an owner is complete from its first moment.
 * - Every name that an owner touches holds its random token. To take over from a dead owner is to
 *   remove *its* names and then to claim like anybody else: whoever judged late removes nothing of the
 *   winner, and an owner that was suspended cannot hurt its successor.
 * - The lock is held as long as the owner file lies in `LOCK`. An owner that is certain to live keeps it;
 *   one that is certain to be dead loses it at once; of others (another host, no `/proc`) the heartbeat
 *   decides, for which the clocks of the hosts must agree to a few seconds.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseError } from '../errors.ts';
import type { Lock, LockOptions } from './file-system.ts';
import { ioError, systemErrorCode } from './io-error.ts';
import {
  decodeOwner,
  describeOwner,
  encodeOwner,
  type LockOwner,
  ownerLiveness,
  thisOwner,
} from './lock-owner.ts';

export interface HeartbeatOptions {
  /** An owner out of sight without a heartbeat for so long is taken for dead. At least 2,000 ms. */
  readonly staleMs: number;
  /** At least 1,000 ms. */
  readonly intervalMs: number;
}

const defaultHeartbeat: HeartbeatOptions = { staleMs: 10_000, intervalMs: 2_000 };
const pollMs = 25;

/** See `FileSystem.lock`. */
export async function lockDirectory(
  directory: string,
  options: LockOptions,
  heartbeat: HeartbeatOptions = defaultHeartbeat,
): Promise<Lock> {
  const path = resolve(directory);
  if (!attempt('lock', path, () => fs.statSync(path)).isDirectory()) {
    throw new DatabaseError('IO', `cannot lock ${path}: it is not a directory`);
  }
  const claim = new Claim(path, heartbeat.staleMs);
  await claim.win(options.timeoutMs);
  const lock = new DirectoryLock(claim, options, heartbeat);
  try {
    await lock.startHeartbeat();
    claim.sweep();
  } catch (cause) {
    await lock.release();
    throw lostError(path, cause);
  }
  return lock;
}

/** See `FileSystem.waitUntilUnlocked`. */
export async function waitUntilUnlocked(
  directory: string,
  timeoutMs: number,
  heartbeat: HeartbeatOptions = defaultHeartbeat,
): Promise<void> {
  const claim = new Claim(resolve(directory), heartbeat.staleMs);
  const deadline = Date.now() + timeoutMs;
  for (let holder = claim.holder(); holder !== undefined; holder = claim.holder()) {
    if (Date.now() >= deadline) throw lockedError(directory, holder);
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
}

/** One opener's way to the lock: everything that is done to the names in the directory. */
class Claim {
  readonly directory: string;
  readonly self: LockOwner;
  readonly #lockPath: string;
  readonly #claimPath: string;
  readonly #staleMs: number;

  constructor(directory: string, staleMs: number) {
    this.directory = directory;
    this.self = thisOwner(randomUUID());
    this.#lockPath = join(directory, 'LOCK');
    this.#claimPath = join(directory, `LOCK.${this.self.token}`);
    this.#staleMs = staleMs;
  }

  get ownerFile(): string {
    return join(this.#lockPath, `${this.self.token}.json`);
  }

  /** Resolves when the lock is ours. */
  async win(timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    try {
      this.#prepare();
      while (!this.#tryRename()) {
        const holder = this.#clearDead();
        if (holder === undefined) continue; // It was let go, or it was dead.
        if (Date.now() >= deadline) throw lockedError(this.directory, holder);
        await new Promise((wake) => setTimeout(wake, pollMs));
      }
    } catch (error) {
      try {
        fs.rmSync(this.#claimPath, { recursive: true, force: true });
      } catch {
        // The next owner sweeps it away.
      }
      throw error instanceof DatabaseError ? error : ioError('lock', this.directory, error);
    }
  }

  /** A description of whoever lives and holds the lock. Changes nothing. */
  holder(): string | undefined {
    const owners = readDirectory(this.#lockPath).filter((name) => name.endsWith('.json'));
    const living = owners
      .map((name) => join(this.#lockPath, name))
      .find((path) => !this.#isGone(path));
    return living === undefined ? undefined : this.#describe(living);
  }

  /** Removes what we made, and the lock directory if nobody is in it. */
  leave(): void {
    removeOwner(this.ownerFile);
    tryRemoveDirectory(this.#lockPath);
  }

  /** Removes the claims of openers that died on their way. The lock must be ours. */
  sweep(): void {
    for (const name of fs.readdirSync(this.directory)) {
      const token = /^LOCK\.([0-9a-f-]{36})$/.exec(name)?.[1];
      if (token === undefined) continue;
      const claim = join(this.directory, name);
      try {
        if (this.#isAbandoned(claim, token)) fs.rmSync(claim, { recursive: true, force: true });
      } catch {
        // It harms nobody; the next owner tries again.
      }
    }
  }

  /** A claim is made in two steps: one without its owner file may be a moment old. */
  #isAbandoned(claim: string, token: string): boolean {
    const ownerFile = join(claim, `${token}.json`);
    if (fs.existsSync(ownerFile)) return this.#isGone(ownerFile);
    const age = ageOf(claim);
    return age !== undefined && age > this.#staleMs;
  }

  #prepare(): void {
    attempt('lock', this.directory, () => {
      fs.mkdirSync(this.#claimPath);
      fs.writeFileSync(join(this.#claimPath, `${this.self.token}.json`), encodeOwner(this.self));
    });
  }

  #tryRename(): boolean {
    try {
      fs.renameSync(this.#claimPath, this.#lockPath);
      return true;
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT') {
        this.#prepare(); // A sweeper on another host took us for dead while we waited.
        return false;
      }
      const isTaken = code === 'ENOTEMPTY' || code === 'EEXIST';
      // Windows says so also of an empty directory, which #clearDead removes.
      /* v8 ignore next -- Windows alone @preserve */
      if (isTaken || (process.platform === 'win32' && code === 'EPERM')) return false;
      throw ioError('lock', this.directory, error);
    }
  }

  /** Removes what dead owners left, and returns a description of whoever else holds the lock. */
  #clearDead(): string | undefined {
    const names = readDirectory(this.#lockPath);
    for (const name of names) {
      const path = join(this.#lockPath, name);
      if (name.endsWith('.json')) {
        if (!this.#isGone(path)) return this.#describe(path);
        removeOwner(path);
      } else if (!name.endsWith('.json.lock')) {
        return `a file that is none of ours, ${path}; remove it if no process uses the database,`;
      } else if (!names.includes(name.slice(0, -'.lock'.length))) {
        tryRemoveDirectory(path); // A heartbeat without an owner.
      }
    }
    tryRemoveDirectory(this.#lockPath);
    return undefined;
  }

  #isGone(ownerFile: string): boolean {
    const age = heartbeatAge(ownerFile);
    if (age === undefined) return true;
    const owner = readOwner(ownerFile);
    const liveness = owner === undefined ? 'unknown' : ownerLiveness(owner, this.self);
    return liveness === 'dead' || (liveness === 'unknown' && age > this.#staleMs);
  }

  #describe(ownerFile: string): string {
    const owner = readOwner(ownerFile);
    if (owner === undefined) return `an owner who left no name in ${ownerFile}`;
    const age = ((Date.now() - owner.since) / 1000).toFixed(1);
    return `${describeOwner(owner, this.self)} for ${age} s`;
  }
}

class DirectoryLock implements Lock {
  readonly #claim: Claim;
  readonly #onCompromised: (error: Error) => void;
  readonly #heartbeat: HeartbeatOptions;
  /** By the clock of the wall: others stand still while a machine sleeps. */
  #lastHeartbeat: number = Date.now();
  #stopHeartbeat: (() => Promise<void>) | undefined;
  #isLost = false;
  #releasing: Promise<void> | undefined;

  constructor(claim: Claim, options: LockOptions, heartbeat: HeartbeatOptions) {
    this.#claim = claim;
    this.#onCompromised = options.onCompromised;
    this.#heartbeat = heartbeat;
  }

  async startHeartbeat(): Promise<void> {
    // Loaded on first use: loading it installs signal handlers.
    const { lock } = await import('proper-lockfile');
    const { ownerFile } = this.#claim;
    this.#stopHeartbeat = await lock(ownerFile, {
      realpath: false,
      stale: this.#heartbeat.staleMs,
      update: this.#heartbeat.intervalMs,
      fs: watchedFs((time) => {
        this.#lastHeartbeat = time;
      }),
      onCompromised: (cause) => this.#lose(cause),
    });
    fs.statSync(ownerFile); // Taken from us already, if we were suspended for long.
  }

  isHeld(): boolean {
    if (this.#isLost || this.#releasing !== undefined) return false;
    const now = Date.now();
    const age = now - this.#lastHeartbeat;
    // The first heartbeat may be dated up to a second ahead.
    if (age > -this.#heartbeat.intervalMs && age <= this.#heartbeat.staleMs / 2) return true;
    try {
      // Fails when the file is gone, and is a heartbeat when it is not.
      fs.utimesSync(this.#claim.ownerFile, now / 1000, now / 1000);
      this.#lastHeartbeat = now;
      return true;
    } catch (error) {
      this.#lose(error);
      return false;
    }
  }

  release(): Promise<void> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  async #release(): Promise<void> {
    try {
      await this.#stopHeartbeat?.();
    } catch {
      // It has stopped: the lock was lost, or its directory cannot be removed, which is tried again.
    }
    attempt('release the lock of', this.#claim.directory, () => this.#claim.leave());
  }

  #lose(cause: unknown): void {
    if (this.#isLost || this.#releasing !== undefined) return;
    this.#isLost = true;
    this.#onCompromised(lostError(this.#claim.directory, cause));
  }
}

/** The calls that `proper-lockfile` makes, with an ear on the heartbeat. */
function watchedFs(onHeartbeat: (time: number) => void): object {
  const { mkdir, stat, rmdir, rmdirSync } = fs;
  const utimes = (path: string, atime: Date, mtime: Date, done: fs.NoParamCallback): void => {
    const time = Date.now();
    fs.utimes(path, atime, mtime, (error) => {
      if (error === null) onHeartbeat(time);
      done(error);
    });
  };
  return { mkdir, stat, rmdir, rmdirSync, utimes };
}

/** The owner file first: with it the lock goes. */
function removeOwner(ownerFile: string): void {
  fs.rmSync(ownerFile, { force: true });
  tryRemoveDirectory(`${ownerFile}.lock`);
}

/** Removes the directory if it is there and empty. */
function tryRemoveDirectory(path: string): void {
  try {
    fs.rmdirSync(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** Names in a directory that may be gone. */
function readDirectory(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw ioError('lock', path, error);
  }
}

function readOwner(ownerFile: string): LockOwner | undefined {
  try {
    return decodeOwner(fs.readFileSync(ownerFile, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Since the owner or its heartbeat was last renewed, in ms; `undefined` when there is no such owner. */
function heartbeatAge(ownerFile: string): number | undefined {
  const age = ageOf(ownerFile);
  if (age === undefined) return undefined;
  return Math.min(age, ageOf(`${ownerFile}.lock`) ?? age);
}

/** Since the last change of a file or directory, in ms; `undefined` when it is not there. */
function ageOf(path: string): number | undefined {
  const status = fs.statSync(path, { throwIfNoEntry: false });
  return status && Date.now() - status.mtimeMs;
}

function lockedError(directory: string, holder: string): DatabaseError {
  return new DatabaseError(
    'DATABASE_LOCKED',
    `${directory} is in use by ${holder}; close it there, or wait longer for it (lockTimeoutMs)`,
  );
}

function lostError(directory: string, cause: unknown): DatabaseError {
  return new DatabaseError(
    'IO',
    `the lock of ${directory} was lost to another opener, or cannot be kept up; close and open again`,
    { cause },
  );
}

function attempt<T>(operation: string, path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw ioError(operation, path, cause);
  }
}
