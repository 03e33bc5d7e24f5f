/** What this process has written, by the operating system's account: for subjects that do not count. */
import { readFileSync } from 'node:fs';

/** Bytes passed to write calls since the process began; 0 where the system does not tell. */
export function processWrittenBytes(): number {
  if (process.platform !== 'linux') return 0;
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0);
}
