/**
 * Who holds a lock, as written into the owner file, and what this process can know of it: whether
 * it lives, is dead, or is out of sight.
 *
 * A pid means something only on its own machine, since its last boot, in its own pid namespace (two
 * containers may share a host name and a volume), and only together with the time at which the process
 * started, because pids are given again. Where one of these cannot be read it is left out, and the
 * heartbeat decides.
 */
import fs from 'node:fs';
import { hostname } from 'node:os';
import { systemErrorCode } from './io-error.ts';

export interface LockOwner {
  /** Random; also the name of the owner file. */
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  readonly bootId: string | undefined;
  readonly pidNamespace: string | undefined;
  /** In clock ticks since the boot, as `/proc` prints it. */
  readonly processStart: string | undefined;
  /** When the lock was asked for, in ms since 1970. */
  readonly since: number;
}

export type Liveness = 'alive' | 'dead' | 'unknown';

/** This process as the owner with this token. */
export function thisOwner(token: string): LockOwner {
  return {
    token,
    pid: process.pid,
    host: hostname(),
    bootId: attempt(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    pidNamespace: attempt(() => fs.readlinkSync('/proc/self/ns/pid')),
    processStart: processStatus(process.pid)?.start,
    since: Date.now(),
  };
}

export function encodeOwner(owner: LockOwner): string {
  return `${JSON.stringify({ version: 1, ...owner }, undefined, 2)}\n`;
}

/** `undefined` when the text is not an owner: a crash may leave an empty file. */
export function decodeOwner(text: string): LockOwner | undefined {
  const value: unknown = attempt(() => JSON.parse(text));
  if (typeof value !== 'object' || value === null) return undefined;
  const { token, pid, host, bootId, pidNamespace, processStart, since } = value as Record<
    string,
    unknown
  >;
  if (typeof token !== 'string' || typeof host !== 'string') return undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof since !== 'number' || !Number.isFinite(since)) return undefined;
  return {
    token,
    pid,
    host,
    bootId: optionalString(bootId),
    pidNamespace: optionalString(pidNamespace),
    processStart: optionalString(processStart),
    since,
  };
}

/** `self` is the asking process. `alive` and `dead` are certain; `unknown` leaves it to the heartbeat. */
export function ownerLiveness(owner: LockOwner, self: LockOwner): Liveness {
  const isVisible =
    owner.host === self.host &&
    owner.bootId === self.bootId &&
    owner.pidNamespace === self.pidNamespace;
  if (!isVisible) return 'unknown';
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (systemErrorCode(error) === 'ESRCH') return 'dead';
  }
  const status = processStatus(owner.pid);
  if (status === undefined || owner.processStart === undefined) return 'unknown';
  if (status.isZombie) return 'dead'; // It has ended, only its parent has not asked.
  return status.start === owner.processStart ? 'alive' : 'dead';
}

/** "process 123 on host h", for a message. */
export function describeOwner(owner: LockOwner, self: LockOwner): string {
  if (owner.host !== self.host) return `process ${owner.pid} on host ${owner.host}`;
  const isThis = owner.pid === self.pid && owner.processStart === self.processStart;
  return `process ${owner.pid} ${isThis ? '(this process)' : 'on this host'}`;
}

/** From `/proc/<pid>/stat`; `undefined` where there is none, or it may not be read. */
function processStatus(pid: number): { start: string; isZombie: boolean } | undefined {
  const text = attempt(() => fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (text === undefined) return undefined;
  // The second field is the program's name in brackets, and may itself hold brackets and spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0]; // Field 3 of proc(5).
  const start = fields[19]; // Field 22.
  return start === undefined ? undefined : { start, isZombie: state === 'Z' || state === 'X' };
}

function optionalString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
