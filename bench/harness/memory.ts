/**
 * What a process holds. Resident memory counts everything; anonymous memory leaves out mapped files
 * (on Linux; elsewhere it is not known). The operating system's page cache is in neither.
 */
import { readFileSync, writeFileSync } from 'node:fs';

export interface ProcessMemory {
  readonly residentBytes: number;
  readonly anonymousBytes: number | undefined;
  /** The highest `residentBytes` since the start or the last `resetPeak`; the present one elsewhere. */
  readonly peakResidentBytes: number;
}

export function processMemory(): ProcessMemory {
  const residentBytes = process.memoryUsage.rss();
  if (process.platform !== 'linux') {
    return { residentBytes, anonymousBytes: undefined, peakResidentBytes: residentBytes };
  }
  const status = readFileSync('/proc/self/status', 'utf8');
  const field = (name: string): number | undefined => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status);
    return match === null ? undefined : Number(match[1]) * 1024;
  };
  return {
    residentBytes,
    anonymousBytes: field('RssAnon'),
    peakResidentBytes: Math.max(field('VmHWM') ?? 0, residentBytes),
  };
}

/** Collects garbage (under `--expose-gc`) and starts the peak anew where the system allows it. */
export function settleMemory(): void {
  globalThis.gc?.();
  globalThis.gc?.();
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Without the right to do so the peak counts from the start of the process: too high, never too low.
  }
}
