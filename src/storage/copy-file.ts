/**
 * Copies a file in pieces, with a turn of the event loop after each. Blocks of zeros are not written, so a
 * sparse file stays sparse. The copy is on the device when the promise resolves, its name is not.
 */
import { KIB } from '../base/units.ts';
import { DatabaseError } from '../errors.ts';
import type { FileSystem } from './file-system.ts';

const PIECE_BYTES: number = 256 * KIB;

export interface CopyOptions {
  /** Told of each piece, in bytes. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Ends the copy with `ABORTED`; what was written stays. */
  readonly signal?: AbortSignal | undefined;
}

/** `ALREADY_EXISTS` when there is a `target`. Returns the length. */
export async function copyFile(
  fileSystem: FileSystem,
  source: string,
  target: string,
  options: CopyOptions = {},
): Promise<number> {
  const from = fileSystem.open(source, 'read');
  try {
    const to = fileSystem.open(target, 'create');
    try {
      const size = from.size();
      const piece = new Uint8Array(Math.min(size, PIECE_BYTES));
      for (let position = 0; position < size; position += piece.length) {
        throwIfAborted(options.signal);
        const part = piece.subarray(0, Math.min(piece.length, size - position));
        if (from.readInto(part, position) < part.length) {
          throw new DatabaseError('IO', `${source} became shorter while it was copied`);
        }
        if (part.some((byte) => byte !== 0)) to.write(part, position);
        options.onBytes?.(part.length);
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (to.size() < size) to.truncate(size);
      await to.datasync();
      return size;
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new DatabaseError('ABORTED', 'the operation was aborted', { cause: signal.reason });
}
