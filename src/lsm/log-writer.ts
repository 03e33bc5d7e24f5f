/**
 * Writes one log file: frames commits into a buffer, and puts the buffer into the file with one write.
 * When to write and to sync, and what a failure means, is the commit log's business.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import { KIB, MIB } from '../base/units.ts';
import type { File, FileSystem } from '../storage/file-system.ts';
import { fileName } from './file-names.ts';
import {
  CHUNK_CHECKSUM,
  CHUNK_HEADER_SIZE,
  CHUNK_LENGTH,
  CHUNK_LOG_NUMBER,
  CHUNK_RESERVED,
  CHUNK_SYNCED_OFFSET,
  CHUNK_TYPE,
  COMMIT_HEADER_SIZE,
  chunkChecksum,
  FIRST,
  FULL,
  HEAD,
  LAST,
  LOG_BLOCK_SIZE,
  LOG_FORMAT,
  LOG_HEAD_SIZE,
  LOG_MAGIC,
  MARK,
  MIDDLE,
  writeUint64,
} from './log-format.ts';
import type { SeededBugs } from './seeded-bugs.ts';
import type { SlicedWork } from './slices.ts';

export const LOG_BUFFER_BYTES: number = 256 * KIB;
/** A buffer that a burst has made larger than this is let go after the burst. */
const BUFFER_BYTES_KEPT = MIB;

const NO_BYTES = new Uint8Array(0);

export interface LogWriterOptions {
  /** Told of memory that a buffer takes, or gives back when it is negative. */
  readonly onBuffer?: ((bytes: number) => void) | undefined;
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly hasher: Hasher;
  readonly seededBugs?: SeededBugs | undefined;
}

export interface Commit {
  readonly firstSequence: number;
  readonly entryCount: number;
  readonly entries: Uint8Array;
  readonly attachments: Uint8Array;
}

export class LogWriter {
  readonly number: number;
  readonly #options: LogWriterOptions;
  /** Made by the first write: a log that gets no commit leaves no file. */
  #file: File | undefined;
  /** When the file's name is on the device; undefined once it is known to be. */
  #naming: Promise<void> | undefined;
  #buffer: Uint8Array = new Uint8Array(LOG_BUFFER_BYTES);
  #view: DataView = new DataView(this.#buffer.buffer);
  #buffered = 0;
  /** End of the last whole commit in the buffer: what is behind it is not written yet. */
  #ready = 0;
  /** File offset of the buffer's start: all before it is written. */
  #written = 0;
  #synced = 0;
  readonly #head: Uint8Array = new Uint8Array(COMMIT_HEADER_SIZE);
  readonly #headView: DataView = new DataView(this.#head.buffer);

  constructor(number: number, options: LogWriterOptions) {
    this.number = number;
    this.#options = options;
    options.onBuffer?.(this.#buffer.length);
  }

  /** Bytes of the log, buffered ones included. */
  get size(): number {
    return this.#written + this.#buffered;
  }

  /** Bytes that are in the file. */
  get writtenBytes(): number {
    return this.#written;
  }

  get bufferBytes(): number {
    return this.#buffer.length;
  }

  /** Whole commits. */
  get hasBuffered(): boolean {
    return this.#ready > 0;
  }

  get isSynced(): boolean {
    return this.#ready === 0 && this.#synced === this.#written;
  }

  /** Frames a commit into the buffer. */
  append(commit: Commit): void {
    this.appending(commit)(() => false);
  }

  /** As `append`, slice by slice. Nothing of the commit is written before all of it is framed. */
  appending(commit: Commit): SlicedWork {
    const { entries, attachments, firstSequence } = commit;
    assert(this.#ready === this.#buffered, 'one commit is framed at a time');
    if (this.size === 0) this.#appendHead(firstSequence);
    const head = this.#headView;
    writeUint64(head, 0, firstSequence);
    head.setUint32(8, commit.entryCount, true);
    head.setUint32(12, entries.length, true);

    const parts = [this.#head, entries, attachments];
    let rest = COMMIT_HEADER_SIZE + entries.length + attachments.length;
    this.#makeRoom(rest);
    let part = 0;
    let taken = 0;
    let isFirst = true;
    return (isOver) => {
      do {
        this.#padBlock();
        const length = Math.min(rest, blockRest(this.size) - CHUNK_HEADER_SIZE);
        rest -= length;
        let position = this.#buffered + CHUNK_HEADER_SIZE;
        for (let missing = length; missing > 0; ) {
          const source = parts[part];
          const count = Math.min(missing, source.length - taken);
          this.#buffer.set(source.subarray(taken, taken + count), position);
          position += count;
          missing -= count;
          taken += count;
          if (taken === source.length) {
            part++;
            taken = 0;
          }
        }
        this.#frame(isFirst ? (rest === 0 ? FULL : FIRST) : rest === 0 ? LAST : MIDDLE, length);
        isFirst = false;
        if (rest > 0 && isOver()) return false;
      } while (rest > 0);
      this.#ready = this.#buffered;
      return true;
    };
  }

  /** Leaves word that all that was synced is synced; for a log that is closed in peace. */
  appendMark(): void {
    this.#makeRoom(0);
    this.#padBlock();
    this.#frame(MARK, 0);
    this.#ready = this.#buffered;
  }

  /** Puts up to `maxBytes` of whole commits into the file with one write. */
  write(maxBytes: number = Number.POSITIVE_INFINITY): void {
    const end = Math.min(this.#ready, maxBytes);
    if (end === 0) return;
    this.#file ??= this.#create();
    this.#file.write(this.#buffer.subarray(0, end), this.#written);
    this.#written += end;
    this.#buffer.copyWithin(0, end, this.#buffered);
    this.#buffered -= end;
    this.#ready -= end;
    if (this.#buffered === 0 && this.#buffer.length > BUFFER_BYTES_KEPT) {
      this.#replaceBuffer(LOG_BUFFER_BYTES);
    }
  }

  /** Resolves when what was written before the call is on the device. */
  async sync(): Promise<void> {
    const end = this.#written;
    if (this.#synced === end) return;
    assert(this.#file !== undefined, 'a log with written bytes has a file');
    await this.#naming;
    this.#naming = undefined;
    try {
      await this.#file.datasync();
    } catch (error) {
      if (!this.#options.seededBugs?.has('a failed sync is tried again')) throw error;
      await this.#file.datasync();
    }
    this.#synced = end;
  }

  /** Idempotent. */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    this.#options.onBuffer?.(-this.#buffer.length);
    this.#buffer = NO_BYTES;
    this.#view = new DataView(NO_BYTES.buffer);
    this.#buffered = 0;
    this.#ready = 0;
    file?.close();
  }

  #create(): File {
    const { fileSystem, directory, seededBugs } = this.#options;
    const file = fileSystem.open(`${directory}/${fileName('wal', this.number)}`, 'create');
    if (seededBugs?.has('the name of a log is not synced')) return file;
    this.#naming = fileSystem.syncDirectoryInBackground(directory);
    // Nothing rests on the name before the next sync, which tells.
    this.#naming.catch(() => {});
    return file;
  }

  #appendHead(firstSequence: number): void {
    this.#makeRoom(LOG_HEAD_SIZE);
    const view = this.#view;
    const position = this.#buffered + CHUNK_HEADER_SIZE;
    view.setUint32(position, LOG_MAGIC, true);
    view.setUint32(position + 4, LOG_FORMAT, true);
    writeUint64(view, position + 8, firstSequence);
    this.#frame(HEAD, LOG_HEAD_SIZE);
  }

  /** Writes the header before a payload that is in the buffer already. */
  #frame(type: number, length: number): void {
    const view = this.#view;
    const start = this.#buffered;
    view.setUint16(start + CHUNK_LENGTH, length, true);
    view.setUint8(start + CHUNK_TYPE, type);
    view.setUint8(start + CHUNK_RESERVED, 0);
    view.setUint32(start + CHUNK_LOG_NUMBER, this.number, true);
    writeUint64(view, start + CHUNK_SYNCED_OFFSET, this.#synced);
    const end = start + CHUNK_HEADER_SIZE + length;
    const chunk = this.#buffer.subarray(start, end);
    const checksum = chunkChecksum(this.#options.hasher, chunk, this.number, this.size);
    view.setUint32(start + CHUNK_CHECKSUM, checksum, true);
    this.#buffered = end;
  }

  /** Zeros up to the next block when this one has no room for a header and a byte. */
  #padBlock(): void {
    const rest = blockRest(this.size);
    if (rest > CHUNK_HEADER_SIZE) return;
    this.#buffer.fill(0, this.#buffered, this.#buffered + rest);
    this.#buffered += rest;
  }

  /** By how much the buffer grows for a payload of that length. */
  growthFor(payloadLength: number): number {
    const chunks = Math.ceil(payloadLength / (LOG_BLOCK_SIZE - CHUNK_HEADER_SIZE)) + 2;
    const needed = this.#buffered + payloadLength + 2 * chunks * CHUNK_HEADER_SIZE;
    const { length } = this.#buffer;
    if (needed <= length) return 0;
    // Doubling is for small buffers: a large commit comes alone.
    const more = length < BUFFER_BYTES_KEPT ? 2 * length : length + (length >>> 2);
    return Math.max(more, needed) - length;
  }

  /** Room in the buffer for a payload of that length, its headers and its padding. */
  #makeRoom(payloadLength: number): void {
    const growth = this.growthFor(payloadLength);
    if (growth > 0) this.#replaceBuffer(this.#buffer.length + growth);
  }

  #replaceBuffer(bytes: number): void {
    const buffer = new Uint8Array(bytes);
    this.#options.onBuffer?.(bytes - this.#buffer.length);
    buffer.set(this.#buffer.subarray(0, this.#buffered));
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}

function blockRest(offset: number): number {
  return LOG_BLOCK_SIZE - (offset % LOG_BLOCK_SIZE);
}
