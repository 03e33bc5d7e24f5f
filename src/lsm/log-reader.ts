/**
 * Reads one log file, commit by commit, and judges where and why it ends: at its end, in a torn tail, or
 * in damage, which is thrown. `log-format.ts` has the format and the rule.
 */
import type { Hasher } from '../base/hasher.ts';
import { CorruptionError, DatabaseError } from '../errors.ts';
import type { File } from '../storage/file-system.ts';
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
  readUint64,
} from './log-format.ts';
import type { Commit } from './log-writer.ts';
import { NO_BUGS, type SeededBugs } from './seeded-bugs.ts';

const NO_CHUNK = 0;

export class LogReader {
  readonly #file: File;
  readonly #number: number;
  readonly #hasher: Hasher;
  readonly #size: number;
  readonly #seededBugs: SeededBugs;

  /** One block of the file, and a view of it. */
  readonly #block: Uint8Array = new Uint8Array(LOG_BLOCK_SIZE);
  readonly #view: DataView = new DataView(this.#block.buffer);
  #blockStart = -1;
  #blockLength = 0;

  /** Where the next chunk starts, and where the payload of the last one lies in the block. */
  #position = 0;
  #payloadStart = 0;
  #payloadLength = 0;

  #end = 0;
  #isTorn = false;
  #firstSequence: number | undefined;
  #payload: Uint8Array = new Uint8Array(0);

  constructor(file: File, number: number, hasher: Hasher, seededBugs: SeededBugs = NO_BUGS) {
    this.#file = file;
    this.#number = number;
    this.#hasher = hasher;
    this.#size = file.size();
    this.#seededBugs = seededBugs;
  }

  /** The file offset behind the last whole commit (or head, or mark). */
  get end(): number {
    return this.#end;
  }

  /** Whether bytes that are no commit follow `end`. Known when `next` has returned undefined. */
  get isTorn(): boolean {
    return this.#isTorn;
  }

  /** The sequence number that the head announces; undefined when the log has no whole head. */
  get firstSequence(): number | undefined {
    return this.#firstSequence;
  }

  /**
   * The next commit, whose bytes are borrowed until the next call; undefined at the end. `CORRUPTION`
   * when bytes that were synced are damaged.
   */
  next(): Commit | undefined {
    let gathered = 0;
    for (;;) {
      const start = this.#position;
      const type = this.#readChunk();
      if (type === NO_CHUNK && this.#skipHole()) {
        gathered = 0;
        continue;
      }
      if (type === NO_CHUNK) {
        this.#stop(gathered > 0 ? this.#end : start);
        return undefined;
      }
      if (type === HEAD) {
        this.#readHead(start);
      } else if (this.#firstSequence === undefined) {
        throw this.#corruption('a log without a head', start);
      } else if (type === FULL || type === FIRST || gathered === 0) {
        if (type === MIDDLE || type === LAST || gathered > 0) {
          throw this.#corruption('a commit that does not start or end', start);
        }
        if (type !== MARK) gathered = this.#gather(0);
      } else if (type === MARK) {
        throw this.#corruption('a mark within a commit', start);
      } else {
        gathered = this.#gather(gathered);
      }
      if (type === FIRST || type === MIDDLE) continue;
      this.#end = this.#position;
      if (type === FULL || type === LAST) return this.#decode(gathered, start);
    }
  }

  /** Reads the chunk at or behind `#position`; NO_CHUNK at the end and where there is no whole one. */
  #readChunk(): number {
    const rest = LOG_BLOCK_SIZE - (this.#position % LOG_BLOCK_SIZE);
    if (rest <= CHUNK_HEADER_SIZE) this.#position += rest;
    const offset = this.#position;
    if (offset >= this.#size) return NO_CHUNK;
    this.#load(offset - (offset % LOG_BLOCK_SIZE));
    const length = this.#chunkLength(offset - this.#blockStart);
    if (length < 0) return NO_CHUNK;
    this.#payloadStart = offset - this.#blockStart + CHUNK_HEADER_SIZE;
    this.#payloadLength = length;
    this.#position = offset + CHUNK_HEADER_SIZE + length;
    return this.#view.getUint8(this.#payloadStart - CHUNK_HEADER_SIZE + CHUNK_TYPE);
  }

  /** The payload length of the whole chunk at that place of the block, or -1. */
  #chunkLength(start: number): number {
    const view = this.#view;
    const room = this.#blockLength - start - CHUNK_HEADER_SIZE;
    if (room < 0 || view.getUint32(start + CHUNK_LOG_NUMBER, true) !== this.#number) return -1;
    const type = view.getUint8(start + CHUNK_TYPE);
    const length = view.getUint16(start + CHUNK_LENGTH, true);
    if (type < FULL || type > MARK || view.getUint8(start + CHUNK_RESERVED) !== 0) return -1;
    if (length > room) return -1;
    const chunk = this.#block.subarray(start, start + CHUNK_HEADER_SIZE + length);
    const checksum = chunkChecksum(this.#hasher, chunk, this.#number, this.#blockStart + start);
    return checksum === view.getUint32(start + CHUNK_CHECKSUM, true) ? length : -1;
  }

  /** A seeded bug: moves to the next whole chunk that begins a commit. */
  #skipHole(): boolean {
    if (!this.#seededBugs.has('recovery skips a hole in a log')) return false;
    for (let offset = this.#position; offset < this.#size; offset++) {
      this.#load(offset - (offset % LOG_BLOCK_SIZE));
      const start = offset - this.#blockStart;
      const type = this.#block[start + CHUNK_TYPE];
      if ((type !== FULL && type !== FIRST) || this.#chunkLength(start) < 0) continue;
      this.#position = offset;
      return true;
    }
    return false;
  }

  #load(blockStart: number): void {
    if (this.#blockStart === blockStart) return;
    try {
      this.#blockLength = this.#file.readInto(this.#block, blockStart);
    } catch (error) {
      if (!this.#seededBugs.has('a read error is taken for the end of a log')) throw error;
      this.#blockLength = 0;
    }
    this.#blockStart = blockStart;
    this.#block.fill(0, this.#blockLength);
  }

  /** Reading ends at `offset`: looks for a proof that bytes behind it had been synced. */
  #stop(offset: number): void {
    this.#isTorn = this.#end < this.#size;
    if (!this.#isTorn) return;
    for (let start = offset - (offset % LOG_BLOCK_SIZE); start < this.#size; ) {
      this.#load(start);
      const last = this.#blockLength - CHUNK_HEADER_SIZE;
      for (let i = Math.max(offset - start, 0); i <= last; i++) {
        if (this.#view.getUint32(i + CHUNK_LOG_NUMBER, true) !== this.#number) continue;
        if (this.#chunkLength(i) < 0) continue;
        if (readUint64(this.#view, i + CHUNK_SYNCED_OFFSET) > offset) {
          throw this.#corruption('damage before bytes that were synced', offset);
        }
      }
      start += LOG_BLOCK_SIZE;
    }
  }

  #readHead(start: number): void {
    const view = this.#view;
    const payload = this.#payloadStart;
    if (start !== 0 || this.#payloadLength !== LOG_HEAD_SIZE) {
      throw this.#corruption('a log head out of place', start);
    }
    if (view.getUint32(payload, true) !== LOG_MAGIC) {
      throw this.#corruption('not a write-ahead log: bad magic', start);
    }
    const format = view.getUint32(payload + 4, true);
    if (format !== LOG_FORMAT) {
      const message = `log format ${format} in ${this.#file.path}, expected ${LOG_FORMAT}`;
      throw new DatabaseError('UNSUPPORTED_FORMAT', message);
    }
    this.#firstSequence = readUint64(view, payload + 8);
  }

  /** Copies the present chunk's payload behind the `gathered` bytes; returns how many there are then. */
  #gather(gathered: number): number {
    const length = gathered + this.#payloadLength;
    if (length > this.#payload.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#payload.length));
      grown.set(this.#payload.subarray(0, gathered));
      this.#payload = grown;
    }
    const { buffer } = this.#block;
    this.#payload.set(new Uint8Array(buffer, this.#payloadStart, this.#payloadLength), gathered);
    return length;
  }

  #decode(length: number, offset: number): Commit {
    const payload = this.#payload.subarray(0, length);
    if (length < COMMIT_HEADER_SIZE) throw this.#corruption('a commit without a header', offset);
    const view = new DataView(payload.buffer, 0, length);
    const firstSequence = readUint64(view, 0);
    const entryCount = view.getUint32(8, true);
    const entriesEnd = COMMIT_HEADER_SIZE + view.getUint32(12, true);
    if (entriesEnd > length || !Number.isSafeInteger(firstSequence)) {
      throw this.#corruption('a commit with impossible lengths', offset);
    }
    return {
      firstSequence,
      entryCount,
      entries: payload.subarray(COMMIT_HEADER_SIZE, entriesEnd),
      attachments: payload.subarray(entriesEnd),
    };
  }

  #corruption(what: string, offset: number): CorruptionError {
    return new CorruptionError(what, { file: this.#file.path, offset });
  }
}
