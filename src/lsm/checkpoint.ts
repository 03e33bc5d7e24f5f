/**
 * Checkpoints: the memtables become tables of L0, and the logs that held their commits are not needed any
 * more.
 *
 *   seal (between two commits; the log is switched, the participant freezes)
 *   → the log is synced up to the seal, in every durability → the participant writes
 *   → tables, in slices → version → old logs are deleted
 *
 * One at a time. Until the version is installed nothing has changed: if writing fails, the sealed
 * memtables stay readable and the next checkpoint takes them along.
 */
import { assert } from '../base/assert.ts';
import type { Compactor } from './compactor.ts';
import type { EngineCore } from './engine-core.ts';
import type { CheckpointParticipant } from './engine-options.ts';
import { flushMemtables } from './flush.ts';
import { installVersion } from './install.ts';
import type { TableFile } from './table-file.ts';

/** The share of a memtable's room from which on a checkpoint is due. */
const FULL_SHARE = 0.9;

export class Checkpointer {
  readonly #core: EngineCore;
  readonly #compactor: Compactor;
  /** The last checkpoint that was asked for and has not ended. Never rejects. */
  #tail: Promise<void> | undefined;
  /** Where the last one began. */
  #sealedUpTo = 0;
  /** Checkpoints under way or waiting for their turn. */
  #count = 0;

  constructor(core: EngineCore, compactor: Compactor) {
    this.#core = core;
    this.#compactor = compactor;
  }

  /** Whether the memtable is nearly full, or one was sealed for want of room since the last checkpoint. */
  isDue(): boolean {
    const { active, sealed, pool } = this.#core;
    if (active.memtable.usedBytes >= FULL_SHARE * pool.arenaBytes) return true;
    return sealed.length > 0 && sealed[0].sequence > this.#sealedUpTo;
  }

  /** Seals before it returns, unless another checkpoint is under way. */
  checkpoint(participant: CheckpointParticipant | undefined): Promise<void> {
    const running = this.#inTurn(this.#tail, participant);
    this.#tail = running.catch(() => {});
    return running;
  }

  /** Resolves when no checkpoint is under way. */
  async idle(): Promise<void> {
    while (this.#tail !== undefined) await this.#tail;
  }

  async #inTurn(
    previous: Promise<void> | undefined,
    participant: CheckpointParticipant | undefined,
  ): Promise<void> {
    this.#count++;
    try {
      if (previous !== undefined) await previous;
      await this.#run(participant);
    } finally {
      // Before the caller goes on, so that its next checkpoint seals at once.
      if (--this.#count === 0) this.#tail = undefined;
    }
  }

  async #run(participant: CheckpointParticipant | undefined): Promise<void> {
    const core = this.#core;
    while (core.writing !== undefined) await core.writing;
    const log = core.requireWritable();
    const sequence = core.appliedSequence;
    if (sequence === core.versions.current.sequence) return;
    this.#sealedUpTo = sequence;
    participant?.freeze(sequence);
    const { seededBugs } = core.options;
    let logNumber: number;
    try {
      core.slices.timed(() => this.#seal(sequence));
      logNumber = log.activeNumber;
      await log.synced(sequence);
      if (seededBugs.has('a log is deleted before its commits are in tables')) {
        this.#deleteLogs(logNumber);
      }
      const entries = (await participant?.write(sequence)) ?? [];
      const tables = await flushMemtables(core, sequence, entries);
      const edit = {
        added: tables.map((table) => ({ level: 0, table })),
        removed: new Set<TableFile>(),
        logNumber,
        sequence,
      };
      const drop = (): void => this.#dropSealed(sequence);
      const isLate = seededBugs.has('a sealed memtable is read beside its tables');
      await installVersion(core, edit, isLate ? () => void setImmediate(drop) : drop);
    } catch (error) {
      participant?.failed(error);
      throw error;
    }
    await participant?.installed(sequence);
    this.#deleteLogs(logNumber);
    this.#compactor.kick();
    await this.#compactor.level0Drained();
  }

  /** Puts the active memtable aside and sends later commits to a new log. */
  #seal(sequence: number): void {
    const core = this.#core;
    const last = core.sealed.at(0)?.sequence ?? core.versions.current.sequence;
    assert(last <= sequence, 'seals ascend');
    if (last === sequence) return;
    core.requireMemtable();
    const log = core.requireWritable();
    core.liveLogs = [...core.liveLogs, { number: log.activeNumber, bytes: log.activeBytes }];
    log.switchTo(core.versions.newFileNumber());
    core.sealed = [{ shared: core.active, sequence }, ...core.sealed];
    core.active = core.newMemtable();
  }

  /** Their entries are in the version now: seen twice, an operand would be applied twice. */
  #dropSealed(sequence: number): void {
    const core = this.#core;
    const dropped = core.sealed.filter((sealed) => sealed.sequence <= sequence);
    core.sealed = core.sealed.filter((sealed) => sealed.sequence > sequence);
    for (const { shared } of dropped) shared.release();
  }

  #deleteLogs(logNumber: number): void {
    const core = this.#core;
    for (const { number } of core.liveLogs) {
      if (number < logNumber) core.versions.removeFile('wal', number);
    }
    core.liveLogs = core.liveLogs.filter(({ number }) => number >= logNumber);
  }
}
