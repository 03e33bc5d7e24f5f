/** The process of one subject: opens stores one after the other and does the work that it is asked for. */
import { mkdirSync, rmSync } from 'node:fs';
import { serve } from '../harness/child.ts';
import { LoopDelayMonitor } from '../harness/event-loop.ts';
import { openClassicLevel } from './classic-level-store.ts';
import { openLmdb } from './lmdb-store.ts';
import {
  type GetAsk,
  measureCompaction,
  measureGets,
  measureScan,
  measureWrites,
  type ScanAsk,
  type WriteAsk,
} from './phases.ts';
import type { OpenStore, Store, StoreOptions } from './store.ts';
import { openStratavec, openStratavecWorker } from './stratavec-store.ts';
import { diskBytes } from './system-account.ts';
import { Workload, type WorkloadChoice } from './workload.ts';

/** A process that is asked for nothing else serves as the idle control. */
export interface OpenAsk {
  readonly subject: string;
  readonly workload: WorkloadChoice;
  readonly options: StoreOptions;
}

const subjects: Readonly<Record<string, OpenStore>> = {
  stratavec: openStratavec,
  'stratavec-worker': openStratavecWorker,
  'classic-level': openClassicLevel,
  lmdb: openLmdb,
};

let workload: Workload | undefined;
let store: Store | undefined;
let directory = '';
let control = new LoopDelayMonitor();

function opened(): { store: Store; workload: Workload } {
  if (store === undefined || workload === undefined) throw new Error('no store is open');
  return { store, workload };
}

serve({
  async open(ask: OpenAsk) {
    directory = ask.options.directory;
    mkdirSync(directory, { recursive: true });
    workload = new Workload(ask.workload);
    store = await subjects[ask.subject](workload, ask.options);
    return store.config;
  },

  write: (ask: WriteAsk) => measureWrites(opened().store, opened().workload, ask),
  get: (ask: GetAsk) => measureGets(opened().store, opened().workload, ask),
  scan: (ask: ScanAsk) => measureScan(opened().store, opened().workload, ask),
  compact: () => measureCompaction(opened().store, opened().workload),
  canAwait: () => opened().store.getAwaited !== undefined,

  /** Bytes on disk for one byte of keys and values. */
  spaceAmplification(): number {
    const { entries, entryBytes } = opened().workload;
    return diskBytes(directory) / (entries * entryBytes);
  },

  async close(): Promise<void> {
    await opened().store.close();
    store = undefined;
  },

  remove(): void {
    rmSync(directory, { recursive: true, force: true });
  },

  startControl(): void {
    control = new LoopDelayMonitor();
    control.start();
  },
  stopControl: () => control.stop(),
});
