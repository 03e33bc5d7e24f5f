/** Builds every subject's index once, each in a process that ends afterwards: time, disk, memory. */
import { cpSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Row } from '../harness/report.ts';
import type { BuildAnswer, Empty } from './child.ts';
import type { Run } from './run.ts';

/** The first row goes out before the builds: it says what they are built with. */
export async function buildAll(run: Run, directory: string): Promise<void> {
  const { report, dataset, options } = run;
  const rows: Row[] = [];
  for (const subject of run.subjects) {
    mkdirSync(join(directory, subject));
    if (subject === 'stratavec-recall') {
      // Only its searches differ.
      cpSync(join(directory, 'stratavec'), join(directory, subject), { recursive: true });
      continue;
    }
    const child = run.start(subject, 'build', run.memoryBytes);
    const { options: effective } = await child.ask<Empty>('empty');
    if (subject === 'stratavec') {
      report.begin(options.seed, options.full, {
        rows: dataset.base.rows,
        dimension: dataset.base.dimension,
        queries: dataset.queries.rows,
        ...effective,
      });
    }
    const build = await child.ask<BuildAnswer>('build');
    await child.stop();
    const disk = bytesByKind(join(directory, subject, 'index'));
    rows.push(
      report.row(subject, build.config, {
        buildSeconds: build.insertSeconds,
        insertsPerSecond: dataset.base.rows / build.insertSeconds,
        closeSeconds: build.closeSeconds,
        peakResidentBytes: build.growth.peakResidentBytes,
        diskBytes: Object.values(disk).reduce((sum, bytes) => sum + bytes, 0),
        ...Object.fromEntries(
          Object.entries(disk).map(([kind, bytes]) => [`diskBytes.${kind}`, bytes]),
        ),
      }),
    );
    report.statistics(`${subject} says of itself after the build`, subject, build.statistics);
  }
  report.table('build (peak memory: growth over an empty open index)', rows);
}

/** Bytes of all files under `folder`, by extension (by name where there is none). */
function bytesByKind(folder: string): Record<string, number> {
  const bytes: Record<string, number> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const kind = extname(entry.name).slice(1) || entry.name;
    bytes[kind] = (bytes[kind] ?? 0) + statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}
