/** Numbers as people read them: with units, three significant digits, no false precision. */

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1536` → `1.50 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${formatDigits(value)} ${byteUnits[unit]}`;
}

/** `0.0123` ms → `12.3 µs`, `83000` ms → `1 min 23 s`. */
export function formatMs(ms: number): string {
  if (ms === 0) return '0 ms';
  if (ms < 1) return `${formatDigits(ms * 1000)} µs`;
  if (ms < 1000) return `${formatDigits(ms)} ms`;
  if (ms < 60_000) return `${formatDigits(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** `1234567` → `1,234,567`; a fraction keeps up to four decimals. */
export function formatNumber(value: number | bigint): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 4 });
}

/** `2, 'section'` → `2 sections`. */
export function formatCount(count: number, noun: string, plural: string = `${noun}s`): string {
  return `${formatNumber(count)} ${count === 1 ? noun : plural}`;
}

function formatDigits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
}
