/** Version files and the pointer for people. */
import type { Hasher } from '../../base/hasher.ts';
import { isDatabaseError } from '../../errors.ts';
import { decodePointer, decodeVersion } from '../version-format.ts';
import { DAMAGED, key } from './text.ts';

export function* dumpVersion(bytes: Uint8Array, number: number, hasher: Hasher): Generator<string> {
  yield `version ${number}, ${bytes.length} bytes`;
  const version = attempt(() => decodeVersion(bytes, number, 'version', hasher));
  if (typeof version === 'string') {
    yield `${DAMAGED} ${version}`;
    return;
  }
  const { nextFileNumber, logNumber, sequence, trees, tables } = version;
  yield `next file number ${nextFileNumber}, logs from ${logNumber}, sequence ${sequence}`;
  for (const { id, name, mergeOperator } of trees) {
    yield `tree ${id} ${JSON.stringify(name)}${mergeOperator === '' ? '' : `, ${mergeOperator}`}`;
  }
  for (const { level, run, meta } of tables) {
    const { smallestHi, smallestLo, largestHi, largestLo } = meta;
    const keys = `${key(smallestHi, smallestLo)} to ${key(largestHi, largestLo)}`;
    const sequences = `#${meta.smallestSequence} to #${meta.largestSequence}`;
    const size = `${meta.sizeBytes} bytes, ${meta.entries} entries`;
    yield `tree ${meta.tree} level ${level} run ${run} table ${meta.number}: ${size}, ${keys}, ${sequences}`;
  }
}

export function* dumpPointer(bytes: Uint8Array, hasher: Hasher): Generator<string> {
  const number = attempt(() => decodePointer(bytes, 'CURRENT', hasher));
  if (typeof number === 'string') yield `pointer ${DAMAGED} ${number}`;
  else yield `pointer to version ${number}`;
}

/** The result, or what is wrong. */
function attempt<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    return error.message;
  }
}
