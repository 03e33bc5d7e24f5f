/**
 * The names of the engine's files: a number of six digits or more and an extension, and the pointer.
 * Numbers come from one counter. Any other name belongs to somebody else.
 */
export type FileKind = 'wal' | 'table' | 'version';

export const POINTER_NAME = 'CURRENT';
export const POINTER_TEMPORARY_NAME = 'CURRENT.tmp';

/** Numbers stay below it: they are u32 in the formats. */
export const FILE_NUMBER_MAX = 0xffff_ffff;

export interface FileName {
  readonly kind: FileKind;
  readonly number: number;
}

export function fileName(kind: FileKind, number: number): string {
  return `${String(number).padStart(6, '0')}.${kind}`;
}

/** Undefined for a name that `fileName` does not give. */
export function parseFileName(name: string): FileName | undefined {
  const match = /^(\d{6,10})\.(wal|table|version)$/.exec(name);
  if (match === null) return undefined;
  const number = Number(match[1]);
  const kind = match[2] as FileKind;
  if (number > FILE_NUMBER_MAX || fileName(kind, number) !== name) return undefined;
  return { kind, number };
}
