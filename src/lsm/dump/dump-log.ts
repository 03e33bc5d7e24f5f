/** A write-ahead log for people: every chunk that is whole, what it holds, and the bytes between. */
import {
  CHUNK_HEADER_SIZE,
  FIRST,
  FULL,
  HEAD,
  LAST,
  LOG_BLOCK_SIZE,
  MARK,
  MIDDLE,
  readUint64,
} from '../log-format.ts';
import type { Commit } from '../log-writer.ts';
import { type Chunk, chunks, decodeCommit, type LogBytes } from '../repair/salvage-log.ts';
import { BatchReader, decodeAttachments } from '../write-batch.ts';
import { DAMAGED, hex, key, kindName } from './text.ts';

const NAMES: Readonly<Record<number, string>> = {
  [FULL]: 'full',
  [FIRST]: 'first',
  [MIDDLE]: 'middle',
  [LAST]: 'last',
  [HEAD]: 'head',
  [MARK]: 'mark',
};

/** Line by line. Damage is shown in its place, and ends nothing. */
export function* dumpLog(log: LogBytes): Generator<string> {
  const size = log.bytes.length;
  yield `log ${log.number}, ${size} bytes`;
  let end = 0;
  let parts: Uint8Array[] = [];
  for (const chunk of chunks(log)) {
    const { type, start, payload } = chunk;
    if (isGap(log, end, start)) {
      yield `${DAMAGED} no whole chunk in bytes ${end} to ${start}`;
      parts = [];
    }
    end = start + CHUNK_HEADER_SIZE + payload.length;
    yield describe(chunk);
    if (type === FULL || type === FIRST) parts = [];
    if (type <= LAST) parts.push(payload);
    if (type === FULL || type === LAST) {
      const commit = decodeCommit(parts);
      parts = [];
      if (commit === undefined) yield `${DAMAGED} malformed commit`;
      else yield* dumpCommit(commit);
    }
  }
  if (end < size) yield `tail: no whole chunk in bytes ${end} to ${size}`;
}

/** Padding up to the end of a block is none. */
function isGap({ bytes }: LogBytes, end: number, start: number): boolean {
  const isPadding = start % LOG_BLOCK_SIZE === 0 && start - end <= CHUNK_HEADER_SIZE;
  return start > end && !(isPadding && bytes.subarray(end, start).every((byte) => byte === 0));
}

function describe({ type, start, payload, syncedOffset }: Chunk): string {
  const line = `${start} ${NAMES[type]}, ${payload.length} bytes, synced up to ${syncedOffset}`;
  if (type !== HEAD || payload.length < 16) return line;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return `${line}, format ${view.getUint32(4, true)}, first sequence ${readUint64(view, 8)}`;
}

function* dumpCommit(commit: Commit): Generator<string> {
  const { firstSequence, entryCount, entries, attachments } = commit;
  const attached = decodeAttachments(attachments) ?? [];
  yield `  commit #${firstSequence}, ${entryCount} entries, ${attached.length} attachments`;
  const reader = new BatchReader(entries);
  for (let sequence = firstSequence; reader.next(); sequence++) {
    const { tree, kind, hi, lo, valueStart, valueLength } = reader;
    const value = entries.subarray(valueStart, valueStart + valueLength);
    const shown = valueLength === 0 ? '' : ` ${hex(value)}`;
    yield `    tree ${tree} ${key(hi, lo)} #${sequence} ${kindName(kind)} ${valueLength} bytes${shown}`;
  }
  for (const bytes of attached) yield `    attachment, ${bytes.length} bytes ${hex(bytes)}`;
}
