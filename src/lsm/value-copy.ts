/**
 * Copies of values that outlive the block or arena they stand in.
 *
 * A typed array of more than 64 bytes lies outside of the JavaScript heap, and making one costs about a
 * microsecond with its collection (Node 20, 100 bytes); a view into a larger buffer costs 45 ns. So
 * middle-sized copies share slabs, as Node's own small buffers do: a copy keeps its 8 KiB alive.
 */
import { KIB } from '../base/units.ts';

const SLAB_BYTES: number = 8 * KIB;
/** Up to here V8 keeps the bytes in its own heap: 26 ns. */
const ON_HEAP_BYTES_MAX = 64;
/** A larger copy would leave too much of a slab unused. */
const SHARED_BYTES_MAX: number = SLAB_BYTES / 8;

let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

/** `bytes[start, end)` in memory that nothing else writes to. */
export function copyValue(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length <= ON_HEAP_BYTES_MAX || length > SHARED_BYTES_MAX) return bytes.slice(start, end);
  if (slabUsed + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  const position = slabUsed;
  slab.set(bytes.subarray(start, end), position);
  slabUsed = position + length;
  return slab.subarray(position, slabUsed);
}
