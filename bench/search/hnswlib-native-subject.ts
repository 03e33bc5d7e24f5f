/**
 * hnswlib's own C++ search: the program of `bench/peers/native`, compiled for this machine. It times itself,
 * so that nothing of JavaScript is in its figures; vectors and answers go through files.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { nativePeer } from '../harness/peers.ts';
import { type Vectors, vectorAt } from '../harness/vector-file.ts';
import type { Build, Growth, IndexOptions, Round, Searcher, Subject } from './subject.ts';

/** One line of the program's output. */
type Answer = Readonly<Record<string, number>>;

export class HnswlibNativeSubject implements Subject {
  readonly #options: IndexOptions;
  readonly #queries: Vectors;

  constructor(options: IndexOptions, queries: Vectors) {
    this.#options = options;
    this.#queries = queries;
  }

  openEmpty(
    _directory: string,
    _memoryBytes: number | undefined,
    measure: () => void,
  ): Promise<Record<string, number>> {
    measure();
    const { m, efConstruction } = this.#options;
    return Promise.resolve({ m, efConstruction });
  }

  build(directory: string, base: Vectors): Promise<Build> {
    const { m, efConstruction, seed } = this.#options;
    const rows = join(directory, 'base.f32');
    writeRows(rows, base, this.#options);
    const settings = [m, efConstruction, seed].map(String);
    const index = join(directory, 'bench.index');
    const args = ['build', ...this.#space(), ...settings, rows, index];
    const { stdout, stderr, status } = spawnSync(nativePeer('hnswlib-native'), args, {
      encoding: 'utf8',
    });
    rmSync(rows);
    if (status !== 0) throw new Error(`hnswlib ended with ${status}: ${stderr}`);
    const { seconds, growthBytes } = JSON.parse(stdout) as Answer;
    return Promise.resolve({
      insertSeconds: seconds,
      closeSeconds: 0,
      config: { durability: 'none (in memory)', batchRecords: 1, callers: 1 },
      statistics: {},
      peakResidentBytes: growthBytes,
    });
  }

  async open(directory: string): Promise<NativeSearcher> {
    const queries = join(directory, 'queries.f32');
    const answers = join(directory, 'answers.bin');
    const index = join(directory, 'bench.index');
    writeRows(queries, this.#queries, this.#options);
    const process = spawn(
      nativePeer('hnswlib-native'),
      ['serve', ...this.#space(), index, queries, answers],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const lines = createInterface({ input: process.stdout });
    const { emptyBytes } = await nextLine(process, lines);
    const { metric } = this.#options;
    return new NativeSearcher({
      process,
      lines,
      answers,
      emptyBytes,
      queries: this.#queries.rows,
      hasRoots: metric === 'l2',
      indexBytes: statSync(index).size,
    });
  }

  #space(): string[] {
    const { metric, dimension } = this.#options;
    return [metric === 'l2' ? 'l2' : 'ip', String(dimension)];
  }
}

/** f32 rows without a header, of length 1 for the cosine metric, which hnswlib has as an inner product. */
function writeRows(path: string, vectors: Vectors, { metric }: IndexOptions): void {
  const { rows, dimension } = vectors;
  const values = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) {
    const vector = vectorAt(vectors, row);
    const norm = metric === 'cosine' ? Math.hypot(...vector) : 1;
    for (let i = 0; i < dimension; i++) values[row * dimension + i] = vector[i] / (norm || 1);
  }
  writeFileSync(path, values);
}

/** The next line of the program; rejects when it ends instead. */
async function nextLine(process: ChildProcess, lines: Interface): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const onEnd = (code: number | null): void => {
      reject(new Error(`hnswlib ended with ${code}`));
    };
    process.once('exit', onEnd);
    lines.once('line', (line) => {
      process.off('exit', onEnd);
      resolve(JSON.parse(line) as Answer);
    });
  });
}

/** A search of all queries by several threads. */
export interface SharedAsk {
  readonly k: number;
  readonly ef: number;
  readonly threads: number;
  readonly passes: number;
}

interface Opened {
  readonly process: ChildProcess;
  readonly lines: Interface;
  /** The file in which the program leaves its answers. */
  readonly answers: string;
  /** Resident before the index was loaded. */
  readonly emptyBytes: number;
  readonly queries: number;
  /** Distances are squared. */
  readonly hasRoots: boolean;
  readonly indexBytes: number;
}

/** The program with an index open. */
export class NativeSearcher implements Searcher {
  readonly #opened: Opened;
  #last: Answer = {};

  constructor(opened: Opened) {
    this.#opened = opened;
  }

  async searchAll(k: number, ef: number): Promise<Round> {
    return await this.#ask(k, `${k} ${ef}`);
  }

  /** All queries so many times, by threads that each take the next one; latencies are those of the last pass. */
  async searchShared(ask: SharedAsk): Promise<Round & { readonly cpuSeconds: number }> {
    const { k, ef, threads, passes } = ask;
    const round = await this.#ask(k, `${k} ${ef} ${threads} ${passes}`);
    if (this.#last.threads !== threads) {
      throw new Error('hnswlib was compiled of older sources: npm run bench:peers');
    }
    return { ...round, cpuSeconds: this.#last.cpuSeconds };
  }

  async #ask(k: number, line: string): Promise<Round> {
    const { process, lines, answers, queries, hasRoots } = this.#opened;
    process.stdin?.write(`${line}\n`);
    this.#last = await nextLine(process, lines);
    const bytes = new Uint8Array(readFileSync(answers)).buffer;
    const distances = new Float32Array(bytes, 4 * queries * k, queries * k);
    return {
      ids: new Uint32Array(bytes, 0, queries * k),
      distances: Float64Array.from(distances, (value) => (hasRoots ? Math.sqrt(value) : value)),
      latenciesMs: new Float64Array(bytes.slice(8 * queries * k)),
      seconds: this.#last.seconds,
    };
  }

  countAll(): Promise<Readonly<Record<string, number>>> {
    return Promise.resolve({});
  }

  statistics(): Promise<Readonly<Record<string, number>>> {
    return Promise.resolve({ indexBytes: this.#opened.indexBytes });
  }

  growth(): Growth {
    const { emptyBytes } = this.#opened;
    const { residentBytes, anonymousBytes, peakResidentBytes } = this.#last;
    return {
      residentBytes: residentBytes - emptyBytes,
      anonymousBytes,
      peakResidentBytes: peakResidentBytes - emptyBytes,
    };
  }

  async close(): Promise<void> {
    const { process } = this.#opened;
    const ended = new Promise((resolve) => process.once('exit', resolve));
    process.stdin?.end();
    await ended;
  }
}
