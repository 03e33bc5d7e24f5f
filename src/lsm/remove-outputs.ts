/** The end of a job that came to nothing, the same for flushes and compactions. */
import type { EngineCore } from './engine-core.ts';
import type { RunningJob } from './job-executor.ts';
import type { TableJob } from './table-job.ts';

/** Ends a job and removes what it has written. No version names any of it. */
export async function removeOutputs(
  core: EngineCore,
  job: TableJob,
  running: RunningJob,
): Promise<void> {
  const begunCount = await running.abandon();
  for (let i = 0; i < begunCount; i++) core.versions.removeFile('table', job.firstNumber + i);
}
