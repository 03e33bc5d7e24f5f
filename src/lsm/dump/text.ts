/** How dumps show bytes and keys. */

/** At most so many bytes of a value are shown. */
const BYTES_SHOWN = 24;

export function hex(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, BYTES_SHOWN)).toString('hex');
  return bytes.length > BYTES_SHOWN ? `${shown}…` : shown;
}

export function key(hi: number, lo: number): string {
  return `(${hi}, ${lo})`;
}

export function kindName(kind: number): string {
  return ['?', 'SET', 'MERGE', 'DELETE'][kind] ?? '?';
}

/** The mark of every line that shows damage. */
export const DAMAGED = 'DAMAGED';
