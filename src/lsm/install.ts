/** Installs a version for an open engine; a failure here makes the engine read-only. */
import { DatabaseError } from '../errors.ts';
import type { EngineCore } from './engine-core.ts';
import type { VersionEdit } from './version.ts';

/**
 * Nothing is installed once the engine has failed. `onSwitch` runs in the same moment in which the new
 * version becomes the current one.
 */
export async function installVersion(
  core: EngineCore,
  edit: VersionEdit,
  onSwitch?: () => void,
): Promise<void> {
  if (core.failure !== undefined) throw core.failure;
  try {
    await core.versions.install(edit, onSwitch);
  } catch (cause) {
    const failure = new DatabaseError(
      'IO',
      'installing a version failed: the database is read-only until it is reopened',
      { cause },
    );
    core.fail(failure);
    throw core.failure ?? failure;
  }
}
