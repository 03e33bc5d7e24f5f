/**
 * An engine beside its model, over openings, crashes and faults. It knows what was promised: which commits
 * a killed process and which ones a power cut must leave. Checkpoints note their sequence in a tree, so
 * that an opening can tell which one was the last and what the logs must hand back.
 */

import { loadHasher } from '../../src/base/hasher.ts';
import { MIB } from '../../src/base/units.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import type { CheckpointParticipant, Scan, Snapshot } from '../../src/lsm/engine-options.ts';
import { SET } from '../../src/lsm/entry.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import {
  type Commit,
  drainCompaction,
  LISTS,
  Model,
  nextTurn,
  PLAIN,
  readState,
  reverseState,
  type State,
  scanState,
  toBatch,
} from './engine-model.ts';
import { type RandomOptions, randomOptions, SEALS, type Step } from './engine-random.ts';
import type { Trial } from './trial.ts';

export const DIRECTORY = 'data/lsm';
const hasherLoading = loadHasher();

export interface Attached {
  readonly sequence: number;
  readonly attachment: Uint8Array;
}

export interface RunPlace {
  /** Of commits made before, of which nothing is promised. */
  readonly model?: Model | undefined;
  readonly directory?: string | undefined;
}

export class EngineRun {
  readonly model: Model;
  /** Told of each promise: what a power cut, and what the death of the process alone must leave. */
  onPromise: (power: number, kill: number) => void = () => {};
  readonly #trial: Trial;
  #fileSystem: FileSystem;
  #engine: LsmEngine | undefined;
  options: RandomOptions;
  readonly directory: string;
  /** Commits up to these are there after a power cut, and after a killed process. */
  #safeFromPower = 0;
  #safeFromKill = 0;
  /** The last checkpoint that resolved. */
  #checkpointed = 0;
  #snapshots: Snapshot[] = [];
  /** What went wrong in the background. */
  #stray: Error | undefined;
  #scans: { readonly scan: Scan; readonly expected: readonly string[] }[] = [];

  constructor(
    trial: Trial,
    fileSystem: FileSystem,
    options: RandomOptions,
    { model = new Model(), directory = DIRECTORY }: RunPlace = {},
  ) {
    this.directory = directory;
    this.model = model;
    this.#trial = trial;
    this.#fileSystem = fileSystem;
    this.options = { ...options, seededBugs: trial.seededBugs };
  }

  get engine(): LsmEngine {
    if (this.#engine === undefined) throw new Error('the run has no open engine');
    return this.#engine;
  }

  /** Later openings use these. */
  moveTo(fileSystem: FileSystem, options: RandomOptions = randomOptions(this.#trial.random)): void {
    this.#fileSystem = fileSystem;
    this.options = { ...options, seededBugs: this.#trial.seededBugs };
  }

  /** Opens, and compares what is there with what must be. What an opening found is safe. */
  async open({ readOnly = false }: { readonly readOnly?: boolean } = {}): Promise<void> {
    const attached: Attached[] = [];
    const engine = await LsmEngine.open(this.#fileSystem, this.directory, {
      ...this.options,
      hasher: await hasherLoading,
      readOnly,
      replay: (sequence, bytes) => attached.push({ sequence, attachment: bytes.slice() }),
      onBackgroundError: (error) => this.#noteBackground(error),
    });
    this.#engine = engine;
    try {
      this.#checkOpened(attached, readOnly);
    } catch (error) {
      // Two engines never write one directory.
      await engine.close().catch(() => {});
      throw error;
    }
  }

  #checkOpened(attached: readonly Attached[], readOnly: boolean): void {
    const { engine } = this;
    const { appliedSequence } = engine;
    const promised = this.#safeFromKill;
    if (appliedSequence < promised) {
      throw new Error(`lost: ${promised} was promised, the state is that of ${appliedSequence}`);
    }
    if (!this.model.boundaries.includes(appliedSequence)) {
      throw new Error(`half a commit: the state is that of ${appliedSequence}`);
    }
    this.#checkAttached(attached);
    if (readOnly) {
      assertState(engine, this.model.at(appliedSequence));
      return;
    }
    this.model.truncate(appliedSequence);
    this.#safeFromKill = this.#safeFromPower = 0; // Of what was lost nothing is promised any more.
    this.#promise(appliedSequence);
    this.check();
  }

  /** A compaction may fail for its files. Any other failure is a bug that nobody waits for. */
  #noteBackground(error: Error): void {
    if (!isDatabaseError(error) || error.code !== 'IO' || error.message === 'compaction failed')
      this.#stray ??= error;
  }

  /** Every key reads and scans as the model says, now and at each snapshot. */
  check(): void {
    if (this.#stray !== undefined) throw new Error('in the background', { cause: this.#stray });
    this.#checkMemory();
    assertState(this.engine, this.model.at());
    for (const { sequence } of this.#snapshots) {
      assertState(this.engine, this.model.at(sequence), sequence);
    }
  }

  /** Memory follows what is unflushed and what is held, whatever has failed before. */
  #checkMemory(): void {
    const { memory, logBytes, snapshots, scans } = this.engine.stats();
    const { memtableBytes = 0 } = this.options;
    const isBounded =
      snapshots === this.#snapshots.length &&
      scans <= this.#scans.length &&
      memory.totalBytes <= memory.budgetBytes &&
      memory.memtableBytes <= MIB + 16 * (memtableBytes + logBytes) &&
      memory.logBufferBytes <= 2 * MIB;
    if (isBounded) return;
    throw new Error(`memory: ${JSON.stringify({ memory, logBytes, snapshots, scans })}`);
  }

  async take(step: Step): Promise<void> {
    const { engine } = this;
    this.#trial.operations++;
    switch (step.do) {
      case 'commit':
        return this.#commit(step.commit, step.isAwaited);
      case 'checkpoint':
        return this.checkpoint();
      case 'checkpoint beside commits':
        return this.#checkpointBesideCommits();
      case 'compact a slice':
        engine.compactStep(0);
        return;
      case 'compact what is due':
        return drainCompaction(engine);
      case 'compact all':
        return engine.compact();
      case 'take a snapshot':
        return this.#takeSnapshot();
      case 'release a snapshot':
        this.#snapshots.shift()?.release();
        return;
      case 'open a scan':
        return this.#openScan();
      case 'back up':
        return this.#backUp();
      case 'reopen':
        await this.close();
        return this.open();
    }
  }

  async checkpoint(): Promise<void> {
    const sealed = this.engine.appliedSequence;
    await this.engine.checkpoint(new Noted());
    this.#checkpointed = Math.max(this.#checkpointed, sealed);
    this.#promise(sealed);
  }

  /** Throws as `close` does; the engine is closed all the same. */
  async close(): Promise<void> {
    const { engine } = this;
    this.#endReaders();
    const wasWritable = engine.state === 'open';
    await engine.close();
    if (wasWritable && engine.failure === undefined) this.#promise(engine.appliedSequence);
  }

  /** Leaves the engine as a process does that dies: nothing of it counts any more. */
  async die(how: 'killed' | 'power cut'): Promise<void> {
    if (how === 'power cut') this.#safeFromKill = this.#safeFromPower;
    this.#scans = [];
    this.#snapshots = [];
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.close().catch(() => {});
    for (let turn = 0; turn < 3; turn++) await nextTurn();
  }

  async assertHealthy(): Promise<void> {
    const { problems } = await this.engine.check();
    if (problems.length > 0) throw new Error(`check(): ${JSON.stringify(problems)}`);
  }

  #promise(sequence: number): void {
    this.#safeFromPower = Math.max(this.#safeFromPower, sequence);
    this.#promiseFromKill(sequence);
  }

  #promiseFromKill(sequence: number): void {
    this.#safeFromKill = Math.max(this.#safeFromKill, sequence);
    this.onPromise(this.#safeFromPower, this.#safeFromKill);
  }

  async #commit(commit: Commit, isAwaited: boolean): Promise<void> {
    const { engine } = this;
    const sequence = engine.write(toBatch(commit));
    this.model.add(commit, sequence);
    const committed = engine.committed(sequence).then(() => {
      if (engine === this.#engine) this.#published(sequence);
    });
    // One that is not awaited may fail after the process has died.
    if (isAwaited) await committed;
    else committed.catch(() => {});
  }

  async #checkpointBesideCommits(): Promise<void> {
    const running = this.checkpoint();
    running.catch(() => {});
    for (let i = 0; i < 3; i++) {
      const value = Uint8Array.of(i, this.engine.appliedSequence);
      const changes = [{ tree: PLAIN, hi: 7, lo: i, kind: SET, value } as const];
      await this.#commit({ changes, attachments: [] }, i % 2 === 0);
      this.check();
    }
    await running;
  }

  /** A backup has all up to its sequence; one that failed is refused. */
  async #backUp(): Promise<void> {
    const directory = `${this.directory}-copy-${this.#trial.operations}`;
    const { engine } = this;
    await this.checkpoint();
    const openCopy = async (): Promise<LsmEngine> => {
      const hasher = await hasherLoading;
      const { memoryBytes, memtableBytes, blockCacheBytes, trees, durability } = this.options;
      const sizes = { memoryBytes, memtableBytes, blockCacheBytes };
      const options = { ...sizes, trees, durability, hasher, readOnly: true };
      return await LsmEngine.open(this.#fileSystem, directory, options);
    };
    let sequence: number;
    try {
      ({ sequence } = await engine.backup(directory));
    } catch (error) {
      const copy = await openCopy().catch(() => undefined);
      if (copy === undefined) throw error;
      throw new Error('a backup that failed can be opened', { cause: error });
    }
    await using copy = await openCopy();
    assertState(copy, this.model.at(sequence));
  }

  /** What it shows is published, and so as durable as the option says. */
  #takeSnapshot(): void {
    const snapshot = this.engine.snapshot();
    this.#snapshots.push(snapshot);
    this.#published(snapshot.sequence);
  }

  #published(sequence: number): void {
    const { durability } = this.options;
    if (durability === 'sync') this.#promise(sequence);
    if (durability === 'os') this.#promiseFromKill(sequence);
  }

  #openScan(): void {
    const range = { fromHi: 0, fromLo: 0, toHi: 0xffffffff, toLo: 0xffffffff };
    const lists = this.model.at().filter(([key]) => key.startsWith(`${LISTS} `));
    const scan = this.engine.scan(LISTS, range);
    this.#scans.push({ scan, expected: lists.map(([, value]) => value) });
  }

  /** Scans have seen nothing of what happened since they began. */
  #endReaders(): void {
    const scans = this.#scans;
    const snapshots = this.#snapshots;
    this.#scans = [];
    this.#snapshots = [];
    for (const snapshot of snapshots) snapshot.release();
    try {
      for (const { scan, expected } of scans) {
        const values: string[] = [];
        while (scan.next()) values.push(Buffer.from(scan.value).toString('hex'));
        assertSame(values, expected, 'an open scan');
      }
    } finally {
      // A fault ends the reading, not the scans.
      for (const { scan } of scans) scan.close();
    }
  }

  /** Exactly what came behind the last checkpoint is handed back. */
  #checkAttached(attached: readonly Attached[]): void {
    const { appliedSequence } = this.engine;
    const note = this.engine.get(SEALS, 0, 0);
    const sealed = note === undefined ? 0 : Number(Buffer.from(note).toString());
    if (sealed < this.#checkpointed) {
      throw new Error(`the checkpoint of ${this.#checkpointed} is gone, the last is of ${sealed}`);
    }
    this.#checkpointed = sealed;
    const expected = this.model
      .attachmentsBehind(sealed)
      .filter(({ sequence }) => sequence <= appliedSequence);
    const shown = (list: readonly Attached[]): string[] =>
      list.map((one) => `${one.sequence} ${Buffer.from(one.attachment).toString('hex')}`);
    assertSame(shown(attached), shown(expected), 'replay');
  }
}

/** A checkpoint's own entry is its sequence. */
class Noted implements CheckpointParticipant {
  freeze(): void {}
  installed(): void {}
  failed(): void {}

  async write(sequence: number): ReturnType<CheckpointParticipant['write']> {
    await nextTurn();
    return [{ tree: SEALS, hi: 0, lo: 0, value: Buffer.from(String(sequence)) }];
  }
}

export function assertState(engine: LsmEngine, expected: State, sequence?: number): void {
  assertSame(readState(engine, sequence), expected, `reads at ${sequence ?? 'the end'}`);
  assertSame(scanState(engine, sequence), expected, `a scan at ${sequence ?? 'the end'}`);
  assertSame(reverseState(engine, sequence), expected, `backward at ${sequence ?? 'the end'}`);
}

export function assertSame(
  found: readonly unknown[],
  expected: readonly unknown[],
  what: string,
): void {
  const left = JSON.stringify(found);
  const right = JSON.stringify(expected);
  if (left === right) return;
  let i = 0;
  while (JSON.stringify(found[i]) === JSON.stringify(expected[i])) i++;
  const found1 = JSON.stringify(found[i]);
  throw new Error(`${what}: at ${i} found ${found1}, expected ${JSON.stringify(expected[i])}`);
}
