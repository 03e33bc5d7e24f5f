/**
 * A disk on a clock of its own: a synchronous read takes `readMs` of it, and so do all reads in the background that
 * begin in one turn of the event loop, together. Their bytes are those of the moment in which they begin, which is
 * the oldest state that a real read may return.
 */
import type { File, FileSystem, OpenMode } from '../../src/storage/file-system.ts';
import { InterceptingFileSystem, passing } from '../../src/storage/intercepting-file-system.ts';

export class SlowFileSystem extends InterceptingFileSystem {
  /** The clock. */
  ms = 0;
  readMs: number;
  serialReads = 0;
  backgroundReads = 0;
  /** Turns in which reads in the background ended. */
  rounds = 0;
  /** Reads under way at a time, at the most. */
  widest = 0;
  #underWay: (() => void)[] = [];

  constructor(inner: FileSystem, readMs: number) {
    super(inner, passing);
    this.readMs = readMs;
  }

  override open(path: string, mode: OpenMode, purpose?: string): File {
    return new SlowFile(super.open(path, mode, purpose), this);
  }

  reset(): void {
    this.serialReads = 0;
    this.backgroundReads = 0;
    this.rounds = 0;
    this.widest = 0;
  }

  /** Resolves when the reads of this turn end. */
  wait(): Promise<void> {
    this.backgroundReads++;
    if (this.#underWay.length === 0) setImmediate(() => this.#end());
    return new Promise((resolve) => {
      this.#underWay.push(resolve);
      this.widest = Math.max(this.widest, this.#underWay.length);
    });
  }

  #end(): void {
    this.ms += this.readMs;
    this.rounds++;
    const ending = this.#underWay;
    this.#underWay = [];
    for (const end of ending) end();
  }
}

class SlowFile implements File {
  readonly path: string;
  readonly #inner: File;
  readonly #disk: SlowFileSystem;

  constructor(inner: File, disk: SlowFileSystem) {
    this.path = inner.path;
    this.#inner = inner;
    this.#disk = disk;
  }

  readInto(target: Uint8Array, position: number): number {
    this.#disk.serialReads++;
    this.#disk.ms += this.#disk.readMs;
    return this.#inner.readInto(target, position);
  }

  async readInBackground(target: Uint8Array, position: number): Promise<number> {
    const bytes = new Uint8Array(target.length);
    const count = this.#inner.readInto(bytes, position);
    await this.#disk.wait();
    target.set(bytes.subarray(0, count));
    return count;
  }

  write(source: Uint8Array, position: number): void {
    this.#inner.write(source, position);
  }

  size(): number {
    return this.#inner.size();
  }

  truncate(size: number): void {
    this.#inner.truncate(size);
  }

  async datasync(): Promise<void> {
    await this.#inner.datasync();
  }

  close(): void {
    this.#inner.close();
  }
}
