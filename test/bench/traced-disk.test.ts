/** What a traced disk takes for possible after a crash, against what the memory file system does. */
import { expect, test } from 'vitest';
import { outcomesOf } from '../../bench/soak/crash-states.ts';
import { type DiskImage, fileSystemOf, TracedDisk } from '../../bench/soak/traced-disk.ts';
import { seededRandom } from '../../src/base/random.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { TracingFileSystem } from '../../src/storage/tracing-file-system.ts';
import { bytes } from '../storage/file-system.suite.ts';

function traced(): TracingFileSystem {
  const tracing = new TracingFileSystem(new MemoryFileSystem());
  tracing.makeDirectory('/db');
  return tracing;
}

/** Every different disk that a crash at the end of the trace may leave, as text. */
function crashesOf({ trace }: TracingFileSystem): string[] {
  const disk = new TracedDisk();
  for (const call of trace) disk.apply(call);
  const images = new Map<string, string>();
  for (const outcome of outcomesOf(disk.decisions(), 100_000, seededRandom(1))) {
    const image = disk.image(outcome);
    images.set(image.key, shown(image));
  }
  return [...images.values()].sort();
}

/** Each file with its content, runs of one byte shortened. */
function shown({ files }: DiskImage): string {
  return [...files]
    .map(([path, content]) => {
      const runs = Buffer.from(content).toString('latin1').replaceAll('\0', '.');
      const short = runs.replace(/(.)\1{9,}/g, (run, byte) => `${byte}*${run.length}`);
      return `${path.slice(3)}=${short}`;
    })
    .join(' ');
}

test('a new file is there or not, with nothing, zeros or its bytes', () => {
  const tracing = traced();
  tracing.open('/db/a', 'create').write(bytes('new'), 0);
  expect(crashesOf(tracing)).toEqual(['', 'a=', 'a=...', 'a=new']);
});

test('what was synced is certain, and only that', async () => {
  const tracing = traced();
  const file = tracing.open('/db/a', 'create');
  tracing.syncDirectory('/db');
  file.write(bytes('one'), 0);
  const syncing = file.datasync();
  file.write(bytes('two'), 0);
  await syncing;
  expect(crashesOf(tracing)).toEqual(['a=one', 'a=two']);
  await file.datasync();
  expect(crashesOf(tracing)).toEqual(['a=two']);
});

test('a directory that is synced in the background is certain when that has ended', async () => {
  const tracing = traced();
  tracing.open('/db/a', 'create');
  const syncing = tracing.syncDirectoryInBackground('/db');
  tracing.open('/db/b', 'create');
  expect(crashesOf(tracing)).toHaveLength(4);
  await syncing;
  expect(crashesOf(tracing)).toEqual(['a=', 'a= b=']);
  const late = tracing.syncDirectoryInBackground('/db');
  tracing.open('/db/c', 'create');
  tracing.syncDirectory('/db');
  await late;
  expect(crashesOf(tracing)).toEqual(['a= b= c=']);
});

test('of two writes either may be lost, and sectors of one are torn', async () => {
  const tracing = traced();
  const file = tracing.open('/db/a', 'create');
  file.write(new Uint8Array(1536).fill(111), 0);
  await file.datasync();
  tracing.syncDirectory('/db');
  file.write(new Uint8Array(1024).fill(112), 0);
  file.write(new Uint8Array(512).fill(113), 1024);
  expect(crashesOf(tracing)).toEqual([
    'a=o*1024q*512',
    'a=o*1536',
    'a=o*512p*512o*512',
    'a=o*512p*512q*512',
    'a=p*1024o*512',
    'a=p*1024q*512',
    'a=p*512o*1024',
    'a=p*512o*512q*512',
  ]);
});

test('a later write of a sector brings the earlier one along', () => {
  const tracing = traced();
  const file = tracing.open('/db/a', 'create');
  tracing.syncDirectory('/db');
  file.write(bytes('one'), 0);
  file.write(bytes('two'), 3);
  const states = crashesOf(tracing);
  expect(states).toContain('a=onetwo');
  expect(states).toContain('a=one...');
  expect(states).not.toContain('a=...two');
});

test('a rename is whole, a link and a removal may be lost, in any order', async () => {
  const tracing = traced();
  const file = tracing.open('/db/a', 'create');
  file.write(bytes('x'), 0);
  await file.datasync();
  tracing.syncDirectory('/db');
  tracing.rename('/db/a', '/db/b');
  expect(crashesOf(tracing)).toEqual(['a=x', 'b=x']);
  tracing.syncDirectory('/db');
  tracing.link('/db/b', '/db/c');
  tracing.remove('/db/b');
  expect(crashesOf(tracing)).toEqual(['', 'b=x', 'b=x c=x', 'c=x']);
  tracing.syncDirectory('/db');
  expect(crashesOf(tracing)).toEqual(['c=x']);
});

test('all kept is what programs see, all lost what the memory file system keeps for certain', async () => {
  for (let calls = 1; calls <= 60; calls++) {
    const memory = new MemoryFileSystem();
    const tracing = new TracingFileSystem(memory);
    await change(tracing, calls);
    const disk = new TracedDisk();
    for (const call of tracing.trace) disk.apply(call);
    const decisions = disk.decisions();
    const [kept, lost] = [1, 0].map((all) => fileSystemOf(disk.image(decisions.map(() => all))));
    expect(contents(kept)).toEqual(contents(memory.crash(1, 1)));
    expect(contents(lost)).toEqual(contents(memory.crash(1, 0)));
  }
});

/** Random changes, always the same. */
async function change(tracing: TracingFileSystem, count: number): Promise<void> {
  const random = seededRandom(3);
  const below = (end: number): number => Math.floor(random() * end);
  tracing.makeDirectory('/db/sub');
  for (let i = 0; i < count; i++) {
    const path = `/db/${random() < 0.3 ? 'sub/' : ''}${below(4)}`;
    const other = `/db/${below(4)}`;
    const what = random();
    if (!tracing.exists(path)) tracing.open(path, 'create').close();
    const file = tracing.open(path, 'readwrite');
    if (what < 0.4) file.write(new Uint8Array(below(2000)).fill(i), below(3000));
    else if (what < 0.5) file.truncate(below(3000));
    else if (what < 0.7) await file.datasync();
    else if (what < 0.75) tracing.syncDirectory(random() < 0.5 ? '/db' : '/db/sub');
    else if (what < 0.8) await tracing.syncDirectoryInBackground('/db');
    else if (what < 0.85) tracing.rename(path, other);
    else if (what < 0.95 && !tracing.exists(other)) tracing.link(path, other);
    else tracing.remove(path);
    file.close();
  }
}

function contents(disk: MemoryFileSystem): Record<string, string> {
  const found: Record<string, string> = {};
  for (const directory of ['/db', '/db/sub']) {
    for (const name of disk.list(directory)) {
      if (name === 'sub') continue;
      const file = disk.open(`${directory}/${name}`, 'read');
      const target = new Uint8Array(file.size());
      file.readInto(target, 0);
      found[`${directory}/${name}`] = Buffer.from(target).toString('hex');
    }
  }
  return found;
}
