/** One damaged region of one file, as bad disks and mishaps leave it, and which bytes do not matter. */
import fc from 'fast-check';
import { loadHasher } from '../src/base/hasher.ts';
import { salvageTable } from '../src/lsm/repair/salvage-table.ts';
import { TABLE_FOOTER_SIZE } from '../src/lsm/table-footer.ts';
import type { FileSystem } from '../src/storage/file-system.ts';

const hasher = await loadHasher();
/** Header of the mark that a closed log ends with. */
const MARK_BYTES = 20;

export interface Damage {
  readonly kind: 'zeros' | 'noise' | 'flip' | 'truncate' | 'delete';
  /** Shares of the file's length, 0 to 1. */
  readonly from: number;
  readonly length: number;
}

export const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('zeros', 'noise', 'flip', 'flip', 'truncate', 'delete'),
  from: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof(
    fc.double({ min: 0, max: 0.1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
});

export function readAll(fileSystem: FileSystem, path: string): Uint8Array {
  const file = fileSystem.open(path, 'read');
  const bytes = new Uint8Array(file.size());
  file.readInto(bytes, 0);
  file.close();
  return bytes;
}

/** Damages the file; returns the range of bytes, which is empty when nothing was changed. */
export function inflict(
  fileSystem: FileSystem,
  path: string,
  { kind, from, length }: Damage,
): readonly [start: number, end: number] {
  const bytes = readAll(fileSystem, path);
  const start = Math.min(Math.floor(from * bytes.length), bytes.length - 1);
  const end = Math.min(bytes.length, start + 1 + Math.floor(length * bytes.length));
  if (kind === 'delete') {
    fileSystem.remove(path);
    return [0, bytes.length];
  }
  const file = fileSystem.open(path, 'readwrite');
  if (kind === 'truncate') {
    file.truncate(start);
  } else if (kind === 'flip') {
    file.write(Uint8Array.of(bytes[start] ^ (1 << (end % 8))), start);
  } else {
    const fill = (_: number, i: number): number =>
      kind === 'zeros' ? 0 : (i * 197 + start) & 0xff;
    file.write(new Uint8Array(end - start).map(fill), start);
  }
  file.close();
  return [start, kind === 'truncate' ? bytes.length : kind === 'flip' ? start + 1 : end];
}

/** Whether a byte of a file of the engine carries no meaning: padding, or the mark of a closed log. */
export function isMeaningless(bytes: Uint8Array, file: string, position: number): boolean {
  if (file.endsWith('.wal')) return position >= bytes.length - MARK_BYTES;
  if (!file.endsWith('.table')) return false;
  const number = Number(/(\d+)\.table$/.exec(file)?.[1]);
  const { blocks, footer } = salvageTable({ bytes, number, file, hasher });
  if (footer === undefined) throw new Error('the table is whole');
  const last = { offset: bytes.length - TABLE_FOOTER_SIZE, length: TABLE_FOOTER_SIZE };
  const parts = [...blocks, footer.filter, footer.index, footer.properties, last];
  return parts.every(({ offset, length }) => position < offset || position >= offset + length);
}
