/**
 * Keeps a collection equal to a set of text files: one record a heading section, id `path#n`, where n counts
 * the filled sections of the file from 1. Every record carries its file's signature and number of sections, so
 * a later run knows, from the database alone, which files have not changed and are complete; a run that was
 * killed half-way through a file leaves it incomplete, and the next one reads it again.
 */
import { basename, dirname } from 'node:path';
import type { Collection, Embedder, RecordInput } from '../index.ts';
import { CommandError } from './command-error.ts';
import { InputStream } from './formats/input-stream.ts';
import type { TextFile } from './formats/markdown-files.ts';
import {
  filledSections,
  type MarkdownSection,
  splitMarkdown,
} from './formats/markdown-sections.ts';

/** The metadata of a section. */
export interface SectionMetadata {
  readonly path: string;
  readonly heading: string;
  /** Where it begins in the file, from 1. */
  readonly line: number;
  /** Of the file when it was read. */
  readonly signature: string;
  /** How many sections the file had. */
  readonly sections: number;
}

export interface SyncOptions {
  readonly embedder: Embedder;
  /** Sections a commit, about. */
  readonly batch: number;
  /** Also delete the sections of files that are not among the given ones. */
  readonly prune: boolean;
  /** Stop after so many new sections. */
  readonly limit?: number | undefined;
  readonly signal: AbortSignal;
  /** Called often, with files looked at and sections stored so far. */
  readonly onProgress: (filesDone: number, sectionsStored: number) => void;
}

export interface SyncResult {
  filesRead: number;
  filesUnchanged: number;
  /** Files that were stored and are gone. */
  filesRemoved: number;
  sectionsStored: number;
  sectionsRemoved: number;
  /** Files that could not be read, with the reason. */
  readonly unreadable: string[];
  embedMs: number;
  isInterrupted: boolean;
}

const fileBytesMax = 64 * 1024 * 1024;
const deleteBatch = 500;

export async function syncMarkdown(
  collection: Collection<SectionMetadata>,
  files: readonly TextFile[],
  options: SyncOptions,
): Promise<SyncResult> {
  const stored = await storedFiles(collection);
  const writer = new SectionWriter(collection, options);
  const { result } = writer;
  let filesDone = 0;
  for (const file of files) {
    if (options.signal.aborted || writer.isFull) break;
    const before = stored.get(file.path);
    stored.delete(file.path);
    if (before?.isComplete(file.signature) === true || file.bytes === 0) {
      result.filesUnchanged++;
      if (file.bytes === 0) await writer.remove(before?.ids ?? []);
    } else {
      await writer.replace(file, before?.ids ?? []);
    }
    options.onProgress(++filesDone, result.sectionsStored);
  }
  await writer.finish();
  result.isInterrupted = options.signal.aborted;
  if (!options.prune || options.signal.aborted || writer.isFull) return result;
  for (const { ids } of stored.values()) {
    await writer.remove(ids);
    result.filesRemoved++;
  }
  await writer.finish();
  return result;
}

/** What the collection holds of one file. */
class StoredFile {
  readonly ids: string[] = [];
  readonly #signatures = new Set<string>();
  #sections = 0;

  add(id: string, { signature, sections }: SectionMetadata): void {
    this.ids.push(id);
    this.#signatures.add(signature);
    this.#sections = sections;
  }

  isComplete(signature: string): boolean {
    const isOne = this.#signatures.size === 1 && this.#signatures.has(signature);
    return isOne && this.ids.length === this.#sections;
  }
}

async function storedFiles(
  collection: Collection<SectionMetadata>,
): Promise<Map<string, StoredFile>> {
  const files = new Map<string, StoredFile>();
  for await (const { id, metadata } of collection.scan({ namespace: '', include: ['metadata'] })) {
    if (typeof id !== 'string' || !isSection(metadata)) continue;
    let file = files.get(metadata.path);
    if (file === undefined) {
      file = new StoredFile();
      files.set(metadata.path, file);
    }
    file.add(id, metadata);
  }
  return files;
}

/** Other records may live in the same collection; they are left alone. */
function isSection(metadata: unknown): metadata is SectionMetadata {
  const { path, signature, sections } = (metadata ?? {}) as Partial<SectionMetadata>;
  return typeof path === 'string' && typeof signature === 'string' && typeof sections === 'number';
}

class SectionWriter {
  readonly result: SyncResult = {
    filesRead: 0,
    filesUnchanged: 0,
    filesRemoved: 0,
    sectionsStored: 0,
    sectionsRemoved: 0,
    unreadable: [],
    embedMs: 0,
    isInterrupted: false,
  };
  readonly #collection: Collection<SectionMetadata>;
  readonly #options: SyncOptions;
  #upserts: RecordInput<SectionMetadata>[] = [];
  /** Ids to delete, but only after the upserts: a crash in between leaves too much, never too little. */
  #deletes: string[] = [];

  constructor(collection: Collection<SectionMetadata>, options: SyncOptions) {
    this.#collection = collection;
    this.#options = options;
  }

  /** The limit has been reached. */
  get isFull(): boolean {
    const { limit } = this.#options;
    return limit !== undefined && this.result.sectionsStored + this.#upserts.length >= limit;
  }

  /** Reads `file` and stores its sections in place of the records `before`. */
  async replace(file: TextFile, before: readonly string[]): Promise<void> {
    let sections: MarkdownSection[];
    try {
      sections = filledSections(splitMarkdown(await readText(file), { headings: file.isMarkdown }));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.result.unreadable.push(error.message);
      return;
    }
    // A file without words leaves no record behind to know it by; reading it again costs nothing.
    if (sections.length === 0) this.result.filesUnchanged++;
    else this.result.filesRead++;
    const ids = new Set<string>();
    for (const [i, section] of sections.entries()) {
      if (this.isFull || this.#options.signal.aborted) return;
      const id = `${file.path}#${i + 1}`;
      ids.add(id);
      this.#upserts.push(this.#record(id, file, { section, sections: sections.length }));
      if (this.#upserts.length >= this.#options.batch) await this.#write();
    }
    await this.remove(before.filter((id) => !ids.has(id)));
  }

  async remove(ids: readonly string[]): Promise<void> {
    this.#deletes.push(...ids);
    if (this.#deletes.length >= deleteBatch) await this.finish();
  }

  /** Writes what is pending. */
  async finish(): Promise<void> {
    await this.#write();
    while (this.#deletes.length > 0) {
      const ids = this.#deletes.splice(0, deleteBatch);
      this.result.sectionsRemoved += await this.#collection.delete(ids);
    }
  }

  #record(
    id: string,
    file: TextFile,
    { section, sections }: { section: MarkdownSection; sections: number },
  ): RecordInput<SectionMetadata> {
    const { path, signature } = file;
    const { heading, line, text } = section;
    const start = performance.now();
    const vector = this.#options.embedder.embed(embeddedText(file, section));
    this.result.embedMs += performance.now() - start;
    return { id, vector, text, metadata: { path, heading, line, signature, sections } };
  }

  async #write(): Promise<void> {
    const records = this.#upserts;
    if (records.length === 0) return;
    this.#upserts = [];
    await this.#collection.upsert(records);
    this.result.sectionsStored += records.length;
  }
}

/** A section is also about the headings above it and the folder (often a package) that it is in. */
function embeddedText({ path }: TextFile, { heading, parents, text }: MarkdownSection): string {
  return [basename(dirname(path)), ...parents, heading, text].join('\n');
}

async function readText(file: TextFile): Promise<string> {
  if (file.bytes > fileBytesMax) {
    throw new CommandError(`${file.path}: larger than 64 MiB, left out`);
  }
  const input = await InputStream.open(file.file);
  const chunks: Uint8Array[] = [];
  for await (const chunk of input.chunks()) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const isUtf16 = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(bytes);
}
