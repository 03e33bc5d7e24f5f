/**
 * Holds one version: its tables are not deleted, and what a reader at its sequence sees is not folded away.
 *
 * Any version without logs is a whole database: the state at its sequence. That the snapshot is taken
 * later than the version was installed does no harm: tables hold nothing newer, and entries of later
 * checkpoints are folded with older ones only by compactions that begin after this.
 */
import type { EngineCore } from './engine-core.ts';
import type { TableFile } from './table-file.ts';
import type { StoredVersion } from './version-format.ts';

/** A version that is held: its files stay until it is released. */
export interface VersionPin {
  /** Of the last commit in the version. Reads of the engine at it are valid until the release. */
  readonly sequence: number;
  readonly tables: readonly TableFile[];
  /** The version as a file would say it, without logs to replay. */
  readonly stored: StoredVersion;
  /** Idempotent. */
  release(): void;
}

export function pinVersion(core: EngineCore): VersionPin {
  core.requireOpen();
  const version = core.versions.current;
  version.retain();
  const { number, sequence, logNumber, trees } = version;
  const snapshot = core.snapshots.take(sequence);
  const tables = version.tables();
  const placed = version.placedTables();
  const numbers = [number, logNumber, ...placed.map(({ meta, run }) => Math.max(meta.number, run))];
  const nextFileNumber = numbers.reduce((most, each) => Math.max(most, each), 0) + 1;
  let isHeld = true;
  return {
    sequence,
    tables,
    stored: { number, sequence, logNumber, trees, nextFileNumber, tables: placed },
    release: () => {
      if (!isHeld) return;
      isHeld = false;
      snapshot.release();
      version.release();
    },
  };
}
