/** What a repair says of its work. */

/** One thing that a repair could not keep. */
export interface Loss {
  /** `table`, `block`, `commits`, `version`; of a database also `record`, `vector`, `collection` and others. */
  readonly what: string;
  /** The file or the record. */
  readonly where: string;
  readonly detail: string;
}

/** What `repairEngine` found and did. */
export interface RepairReport {
  /** Nothing was damaged, and nothing was changed. */
  readonly wasSound: boolean;
  readonly recovered: {
    /** Of the tables in force now. */
    readonly tables: number;
    readonly entries: number;
    /** Commits of damaged logs. */
    readonly commits: number;
  };
  /** What could not be kept; empty when damage took nothing that counts. */
  readonly lost: readonly Loss[];
  /** Names of files that are not in use any more: they lie in the folder `lost`. */
  readonly movedFiles: readonly string[];
}
