/**
 * Touching: reading a byte of every cache line that is about to be used, before any of them is. The misses
 * overlap then, instead of being waited for one after the other (15 ns a code of 144 bytes instead of
 * 51 ns, of 600,000). How many overlap is a matter of how few instructions lie between them: hence no
 * loop over the lines of what is short.
 */
import { WALK_LAYER, WALK_SPACE } from '../layout';
import { nodeOf } from './key';
import { CANDIDATE_COUNT, CANDIDATES, TOUCHED } from './scratch';
import { capOf, listAddress } from './space';

/**
 * Bytes of which three touches, at 0, at 64 and of the last, meet every line of what begins at multiples of 16; of
 * what does not, one is missed now and then above 132 bytes.
 */
const THREE_TOUCHES: u32 = 144;

/** Touches what `count` entries (address << 32 | node) point to, `bytes` each. */
export function touchEntries(walk: u32, entries: u32, count: u32, bytes: u32): void {
  const end = entries + (count << 3);
  let sum: u32 = 0;
  if (bytes > 64 && bytes <= THREE_TOUCHES) {
    for (let at = entries; at < end; at += 8) {
      const slot = load<u32>(at, 4);
      sum += <u32>load<u8>(slot) + <u32>load<u8>(slot, 64) + <u32>load<u8>(slot + bytes - 1);
    }
  } else {
    for (let at = entries; at < end; at += 8) {
      const slot = load<u32>(at, 4);
      const last = slot + bytes - 1;
      for (let line = slot; line < last; line += 64) sum += <u32>load<u8>(line);
      sum += <u32>load<u8>(last);
    }
  }
  keep(walk, sum);
}

/**
 * As `touchEntries`, of what is long, eight lines at a time: the fewer instructions lie between two lines, the more of them are
 * on their way together.
 */
export function touchRows(walk: u32, entries: u32, count: u32, bytes: u32): void {
  const stop = entries + (count << 3);
  let sum: u32 = 0;
  for (let at = entries; at < stop; at += 8) {
    let line = load<u32>(at, 4);
    const end = line + bytes;
    for (; line + 512 <= end; line += 512) {
      sum += <u32>load<u8>(line) + <u32>load<u8>(line, 64);
      sum += <u32>load<u8>(line, 128) + <u32>load<u8>(line, 192);
      sum += <u32>load<u8>(line, 256) + <u32>load<u8>(line, 320);
      sum += <u32>load<u8>(line, 384) + <u32>load<u8>(line, 448);
    }
    for (; line < end; line += 64) sum += <u32>load<u8>(line);
    sum += <u32>load<u8>(end - 1);
  }
  keep(walk, sum);
}

/**
 * Touches the lists of the two nearest candidates. Mostly one of them is the node that is expanded next, and its
 * list comes while codes are waited for and measured.
 */
@inline
export function touchNextLists(walk: u32): void {
  const count = load<u32>(walk, CANDIDATE_COUNT);
  if (count == 0) return;
  const heap = load<u32>(walk, CANDIDATES);
  let sum = touchList(walk, load<u64>(heap));
  if (count > 1) {
    const second = load<u64>(heap, 8);
    sum += touchList(walk, count > 2 ? min(second, load<u64>(heap, 16)) : second);
  }
  keep(walk, sum);
}

@inline
function touchList(walk: u32, key: u64): u32 {
  const space = load<u32>(walk, WALK_SPACE);
  const layer = load<u32>(walk, WALK_LAYER);
  const list = listAddress(space, layer, nodeOf(key));
  if (list == 0) return 0;
  const half = capOf(space, layer) << 1;
  const middle = list + half;
  return <u32>load<u8>(list) + <u32>load<u8>(middle) + <u32>load<u8>(middle + half);
}

/** Loads whose values nobody uses would be left out. */
@inline
function keep(walk: u32, sum: u32): void {
  store<u32>(walk, sum, TOUCHED);
}
