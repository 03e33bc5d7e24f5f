/**
 * Tables out of a replay: a log of any length is replayed in the memory of two memtables. What fills the
 * memtable becomes tables of a version that still names the same logs, with the sequence up to which their
 * entries are in tables; they are kept until a checkpoint, for their attachments. There is always a commit
 * behind that sequence, which waits for the room, so that the next checkpoint has something to do.
 */
import type { EngineCore } from './engine-core.ts';
import { flushMemtables } from './flush.ts';
import { installVersion } from './install.ts';

/** Requires a memtable with entries. The logs that they come from are on the device. */
export async function flushReplayed(core: EngineCore): Promise<void> {
  const sequence = core.appliedSequence;
  core.sealed = [{ shared: core.active, sequence }, ...core.sealed];
  core.active = core.newMemtable();
  const tables = await flushMemtables(core, sequence, []);
  const edit = {
    added: tables.map((table) => ({ level: 0, table })),
    removed: new Set<never>(),
    sequence,
  };
  await installVersion(core, edit, () => {
    for (const { shared } of core.sealed) shared.release();
    core.sealed = [];
  });
}
