/** Installs a version for an open engine; a failure here makes the engine read-only. */
import { doubtfulWrite } from './doubtful-write.ts';
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
    const failure = doubtfulWrite('a version', cause);
    core.fail(failure);
    throw core.failure ?? failure;
  }
}
