/** What was written and what lies on the disk, by the operating system's account. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes passed to write calls since the process began; 0 where the system does not tell. */
export function processWrittenBytes(): number {
  if (process.platform !== 'linux') return 0;
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0);
}

/** What the file system gives the files under `folder`, so that holes do not count. */
export function diskBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A file that is no longer needed may go in this moment.
    const stats = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    if (stats !== undefined) bytes += Math.min(stats.size, stats.blocks * 512);
  }
  return bytes;
}
