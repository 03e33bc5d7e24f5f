/**
 * A file system for work on a database whose lock the caller holds already: its parts are opened as if nobody
 * had it.
 */
import type { FileSystem, Lock } from '../../storage/file-system.ts';
import {
  InterceptingFileSystem,
  type Interceptor,
} from '../../storage/intercepting-file-system.ts';

const PASS: Interceptor = {
  call: (_call, run) => run(),
  sync: (_call, run) => run(),
};

export class HeldLockFileSystem extends InterceptingFileSystem {
  constructor(inner: FileSystem) {
    super(inner, PASS);
  }

  override async lock(): Promise<Lock> {
    return { isHeld: () => true, release: async () => {} };
  }

  override async waitUntilUnlocked(): Promise<void> {}
}
