/**
 * Known traps of storage engines, built in again one by one, to measure the tests: an engine that is opened
 * with some of these has the bugs, each one marked branch (`has('…')`) at the place where it would be made,
 * and the suite must find each (`npm run soak -- bugs`).
 *
 * For tests alone: not an option of the package, and data written under one is worth nothing. Each place
 * asks when it is constructed, or where it waits for a file anyway.
 */
import type { EngineOptions } from './engine-options.ts';

export type SeededBug =
  // Compaction.
  | 'a user key is split over two tables'
  | 'inputs of L0 are not expanded to a fixed point'
  | 'a tombstone is dropped above older entries'
  | 'a tombstone is dropped under a snapshot'
  | 'compaction does not see the snapshots'
  | 'compaction applies an operand twice'
  | 'two compactions take the same inputs'
  // Reading.
  | 'a sealed memtable is read beside its tables'
  | 'a filter misses a key'
  | 'a checksum is not verified'
  | 'an evicted block stays with its table'
  | 'a table is removed under its readers'
  | 'a snapshot shows what is not published'
  // What reaches the device, and when.
  | 'a commit is acknowledged before its sync'
  | 'a failed sync is tried again'
  | 'the name of a log is not synced'
  | 'a log that is complete is not synced'
  | 'a log is deleted before its commits are in tables'
  | 'tables are not synced before the version'
  | 'a version is not synced before the pointer'
  | 'the name of a version is not synced'
  | 'the pointer is renamed before its sync'
  | 'files are deleted before the pointer is synced'
  // Recovery.
  | 'recovery skips a hole in a log'
  | 'a read error is taken for the end of a log'
  | 'a torn tail is left in its log'
  | 'numbers of orphans are given again';

export type SeededBugs = ReadonlySet<SeededBug>;

export const NO_BUGS: SeededBugs = new Set();

/** The options of an engine under test. */
export interface SeededOptions extends EngineOptions {
  readonly seededBugs?: SeededBugs | undefined;
}
