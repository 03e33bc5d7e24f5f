/**
 * The locks of a memory file system. Its owners are all in this process, so none can die alone: a
 * lock goes by release, or with the power.
 */
import { DatabaseError } from '../errors.ts';
import type { Lock, LockOptions } from './file-system.ts';

const pollMs = 5;

export class MemoryLocks {
  /** By directory. */
  readonly #owners = new Map<string, MemoryLock>();

  async take(directory: string, { timeoutMs }: LockOptions): Promise<Lock> {
    // Another opener may have woken first.
    while (this.#owners.has(directory)) await this.waitUntilFree(directory, timeoutMs);
    const lock = new MemoryLock((released) => {
      if (this.#owners.get(directory) === released) this.#owners.delete(directory);
    });
    this.#owners.set(directory, lock);
    return lock;
  }

  async waitUntilFree(directory: string, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const owner = this.#owners.get(directory);
      if (owner === undefined) return;
      if (Date.now() >= deadline) throw lockedError(directory, owner);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  releaseAll(): void {
    for (const lock of [...this.#owners.values()]) lock.drop();
  }
}

class MemoryLock implements Lock {
  readonly since: number = Date.now();
  readonly #onRelease: (lock: MemoryLock) => void;
  #isHeld = true;

  constructor(onRelease: (lock: MemoryLock) => void) {
    this.#onRelease = onRelease;
  }

  isHeld(): boolean {
    return this.#isHeld;
  }

  async release(): Promise<void> {
    this.drop();
  }

  drop(): void {
    this.#isHeld = false;
    this.#onRelease(this);
  }
}

function lockedError(directory: string, owner: MemoryLock): DatabaseError {
  const age = ((Date.now() - owner.since) / 1000).toFixed(1);
  return new DatabaseError(
    'DATABASE_LOCKED',
    `${directory} is in use by process ${process.pid} (this process) for ${age} s; close it there first`,
  );
}
