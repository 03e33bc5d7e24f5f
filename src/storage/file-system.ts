/**
 * The seam to the disk. Everything that the database knows of files goes through these interfaces,
 * so that a test can stop, damage, count or deny any single call.
 *
 * The core is synchronous: a cached 4 KiB read costs about a microsecond so, and ten to fifty when
 * awaited. Only what waits for a device is asynchronous: `datasync`, the removal of large files, the
 * syncs of directories that somebody does not want to stand still for, and, where a file system offers them,
 * reads of several places at once, which searches use while reads are slow (`staged-reads.ts`).
 *
 * Every method throws `DatabaseError('IO')` with the cause kept, unless its comment names another code.
 * Paths are those of the implementation, joined with `/`; no implementation changes the working
 * directory.
 */

/** How a file is opened. `create` makes a new file and fails if there is one. */
export type OpenMode = 'read' | 'create' | 'readwrite';

/** An open file. Offsets and sizes are in bytes. */
export interface File {
  readonly path: string;

  /**
   * Reads from `position` until `target` is full or the file ends; returns the bytes read. A read
   * error is thrown, never taken for the end of the file.
   */
  readInto(target: Uint8Array, position: number): number;

  /**
   * As `readInto`, without holding up the caller, who may have many under way. `target` is not touched by him until
   * it resolves. A file that is closed meanwhile stays open until then. Missing: there are only synchronous reads.
   */
  readonly readInBackground?:
    | ((target: Uint8Array, position: number) => Promise<number>)
    | undefined;

  /** Writes all of `source` at `position`, growing the file when needed. */
  write(source: Uint8Array, position: number): void;

  /** Length in bytes. */
  size(): number;

  truncate(size: number): void;

  /**
   * Resolves when the data written before the call, and the file's length, are on the device. A failed
   * sync is never retried: the caller must take the data for lost.
   */
  datasync(): Promise<void>;

  /** Idempotent. */
  close(): void;
}

/** What the engine needs of a disk; every implementation passes one suite of tests. */
export interface FileSystem {
  /**
   * `NOT_FOUND` when mode is `read` or `readwrite` and there is no such file, or when its directory is
   * missing; `ALREADY_EXISTS` when mode is `create` and there is one. `purpose` is for those who count: what
   * the calls on this file are made for ("flush", "compaction"), where its kind does not say so.
   */
  open(path: string, mode: OpenMode, purpose?: string): File;

  /** Names (not paths) of the entries of a directory, sorted. `NOT_FOUND` when there is none. */
  list(directory: string): string[];

  exists(path: string): boolean;

  /** Replaces `target` if there is one, atomically. `NOT_FOUND` when there is no `source`. */
  rename(source: string, target: string): void;

  /**
   * As `rename`, without holding up the caller: a file system with a journal lets it wait for the syncs of other files,
   * some milliseconds each time.
   */
  renameInBackground(source: string, target: string): Promise<void>;

  /**
   * Gives a file a second name: both name the same bytes, and removing one leaves the other. `NOT_FOUND`
   * when there is no `source`, `ALREADY_EXISTS` when there is a `target`. Where the two cannot share a file
   * (another device, a file system without hard links) it throws an error that `isLinkRefused` knows, and
   * the caller may copy instead.
   */
  link(source: string, target: string): void;

  /** Removes a file. Removing what is not there is not an error. */
  remove(path: string): void;

  /** As `remove`, without holding up the caller: to free a large file can take tens of milliseconds. */
  removeInBackground(path: string): Promise<void>;

  /**
   * Makes the directory and its missing parents; an existing one is not an error. What it makes
   * survives a power failure: the parents are synced.
   */
  makeDirectory(path: string): void;

  /**
   * Removes a directory if it is empty, and leaves it otherwise. Optional: without it an opening that fails leaves the
   * folders that it made.
   */
  removeDirectory?(path: string): void;

  /** After it returns, creations, links, renames and removals in `directory` survive a power failure. */
  syncDirectory(directory: string): void;

  /**
   * As `syncDirectory`, without holding up the caller, which can take tens of milliseconds. Covers what was
   * done before the call; what is done until it resolves may be covered or not.
   */
  syncDirectoryInBackground(directory: string): Promise<void>;

  /**
   * Takes the lock of a database directory. `DATABASE_LOCKED`, with the owner's pid and age in the
   * message, when another opener holds it and does not let go within `timeoutMs`. The lock of a process
   * of this host that is dead is taken over at once. `NOT_FOUND` when there is no such directory.
   */
  lock(directory: string, options: LockOptions): Promise<Lock>;

  /**
   * For readers, who take no lock because they write nothing: resolves when nobody holds the lock of the
   * directory, `DATABASE_LOCKED` when somebody does not let go of it within `timeoutMs`.
   */
  waitUntilUnlocked(directory: string, timeoutMs: number): Promise<void>;

  /** Missing, or undefined: the files are this thread's alone. */
  threadAccess?(): ThreadAccess | undefined;
}

/** How another thread of this process comes to the files of a file system. */
export interface ThreadAccess {
  /** It opens one of its own of this kind. */
  readonly kind: 'node';
  /** Is told what that one did, for those who count. */
  readonly onCalls: (calls: readonly CallTotal[]) => void;
}

/** Calls of one operation, summed up by the kind of file or by the reason. */
export interface CallTotal {
  readonly by: 'kind' | 'reason';
  readonly name: string;
  readonly operation: string;
  readonly calls: number;
  readonly bytes: number;
}

/** How long to wait for a lock, and who is told when it is lost. */
export interface LockOptions {
  /** How long to wait for another owner, in ms. 0: fail at once. */
  readonly timeoutMs: number;
  /** Called at most once, when the lock was lost to another owner or cannot be kept up. */
  readonly onCompromised: (error: Error) => void;
}

/** A lock that is held. */
export interface Lock {
  /**
   * Whether the lock is still ours. Cheap; looks at the disk only when the last heartbeat is older than
   * half the stale time (a process that was suspended must not write beside its successor).
   */
  isHeld(): boolean;

  /** Lets the lock go. Idempotent. */
  release(): Promise<void>;
}
