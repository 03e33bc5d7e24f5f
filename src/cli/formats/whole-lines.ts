/** Looks through a file of lines for where the last whole one ends. */
import type { OutputFile } from '../output-file.ts';

const PIECE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

export interface WholeLines {
  readonly lines: number;
  /** The last one, without its end. */
  readonly last: string;
  /** Bytes of all of them. */
  readonly end: number;
}

/** The first `most` lines; what stands behind the last line end is left out. Reads the file once, in pieces. */
export async function wholeLines(
  file: OutputFile,
  most: number = Number.POSITIVE_INFINITY,
): Promise<WholeLines> {
  const size = await file.size();
  let lines = 0;
  let lastStart = 0;
  let end = 0;
  for (let at = 0; at < size && lines < most; at += PIECE_BYTES) {
    const piece = await file.read(at, Math.min(PIECE_BYTES, size - at));
    for (
      let i = piece.indexOf(NEWLINE);
      i !== -1 && lines < most;
      i = piece.indexOf(NEWLINE, i + 1)
    ) {
      lines++;
      lastStart = end;
      end = at + i + 1;
    }
  }
  const last = lines === 0 ? new Uint8Array(0) : await file.read(lastStart, end - lastStart - 1);
  return { lines, last: Buffer.from(last).toString('utf8'), end };
}
