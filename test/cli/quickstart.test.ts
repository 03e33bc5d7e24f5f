/** The quickstart: twice, over changed and removed files, killed half-way, and where it cannot work. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';
import { start, stratavec, stratavecJson } from './stratavec.ts';

interface Report {
  files: number;
  sections: number;
  filesRead: number;
  filesUnchanged: number;
  filesRemoved: number;
  sectionsStored: number;
  sectionsRemoved: number;
  searches: { question: string; hits: { id: string }[] }[];
  recallAtK: number;
  queries: number;
  residentBytes: number;
  diskBytes: number;
}

const topics = ['install', 'network', 'vector search', 'lock files', 'memory', 'license'];

/** `count` packages with a README of four sections each. */
async function makePackages(folder: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const topic = topics[i % topics.length];
    await mkdir(`${folder}/package-${i}`, { recursive: true });
    const sections = ['Usage', `About ${topic} number ${i}`, 'API', 'License'].map(
      (heading) =>
        `# ${heading}\n\nPackage ${i}: ${heading} of ${topic}. Words ${i * 31} and ${i * 17}.\n`,
    );
    await writeFile(`${folder}/package-${i}/README.md`, sections.join('\n'));
  }
}

test('a second run reads only what has changed, and what is gone goes', async () => {
  await using dir = await tempDir();
  await makePackages(`${dir.path}/node_modules`, 30);
  await writeFile(`${dir.path}/node_modules/package-0/empty.md`, '');
  await writeFile(`${dir.path}/node_modules/package-0/blank.md`, ' \n\n');
  const first = await stratavecJson<Report>(dir.path, 'quickstart');
  expect(first).toMatchObject({ files: 32, filesRead: 30, sections: 120, sectionsStored: 120 });
  expect(first).toMatchObject({ queries: 50 });
  expect(first.recallAtK).toBeGreaterThan(0.9);
  expect(first.residentBytes).toBeGreaterThan(0);
  expect(first.diskBytes).toBeGreaterThan(0);
  expect(first.searches.length).toBeGreaterThanOrEqual(3);
  for (const { hits } of first.searches) {
    for (const { id } of hits) expect(id).toMatch(/^node_modules\/package-\d+\/README\.md#[1-4]$/);
  }

  const second = await stratavecJson<Report>(dir.path, 'quickstart');
  expect(second).toMatchObject({ filesRead: 0, filesUnchanged: 32, sections: 120 });

  await writeFile(`${dir.path}/node_modules/package-3/README.md`, '# Only one\n\nsection left\n');
  await rm(`${dir.path}/node_modules/package-4`, { recursive: true });
  const third = await stratavecJson<Report>(dir.path, 'quickstart');
  expect(third).toMatchObject({ filesRead: 1, filesRemoved: 1, sectionsStored: 1 });
  expect(third).toMatchObject({ sectionsRemoved: 7, sections: 113 });
  expect(await stratavecJson(dir.path, 'check', 'quickstart-data')).toMatchObject({ ok: true });
});

test('for people it prints questions, hits and figures, and no control characters', async () => {
  await using dir = await tempDir();
  await makePackages(`${dir.path}/docs`, 10);
  await writeFile(
    `${dir.path}/docs/evil.md`,
    '# How do I install it \u001b[31m\n\ninstall \u001b]0;x\u0007 \u202e\n',
  );
  const { code, out, err } = await stratavec(dir.path, 'quickstart', 'docs', '--data', 'index');
  expect([code, err]).toEqual([0, '']);
  for (const word of [
    '41 sections',
    'How do I install it',
    'recall@10',
    'memory',
    'disk',
    'Try next',
  ]) {
    expect(out).toContain(word);
  }
  expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(out).toContain('docs/evil.md#1');
  expect(await readdir(dir.path)).toEqual(['docs', 'index']);
});

test('killed half-way, the next run completes it', async () => {
  await using dir = await tempDir();
  await makePackages(`${dir.path}/node_modules`, 250);
  const running = start(dir.path, ['quickstart']);
  for (let tries = 0; tries < 500; tries++) {
    const names = await readdir(`${dir.path}/quickstart-data/lsm`).catch(() => []);
    if (names.some((name) => name.endsWith('.wal'))) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await new Promise((resolve) => setTimeout(resolve, 150));
  running.kill('SIGKILL');
  await running.done;
  expect((await stratavecJson<Report>(dir.path, 'quickstart')).sections).toBe(1000);
  expect(await stratavecJson(dir.path, 'check', 'quickstart-data')).toMatchObject({ ok: true });
});

test('where it cannot work it says what to do', async () => {
  await using dir = await tempDir();
  await mkdir(`${dir.path}/code`);
  await writeFile(`${dir.path}/code/a.js`, '1');
  await writeFile(`${dir.path}/file`, 'not a folder');
  const database = await open(`${dir.path}/busy`);
  await makePackages(`${dir.path}/docs`, 1);
  try {
    for (const [argv, message] of [
      [[], /node_modules: no such folder here; run `npm install` first/],
      [['none'], /none: no such file or folder/],
      [['code'], /code: no README or Markdown file in it/],
      [['docs', '--data', 'file'], /file/],
      [['docs', '--data', 'busy'], /busy/],
    ] as const) {
      const { code, err } = await stratavec(dir.path, 'quickstart', ...argv);
      expect([argv, code]).toEqual([argv, 1]);
      expect(err).toMatch(message);
      expect(err.trimEnd().split('\n')).toHaveLength(1);
    }
  } finally {
    await database.close();
  }
});

test('a folder with a single section works', async () => {
  await using dir = await tempDir();
  await mkdir(`${dir.path}/docs`);
  await writeFile(`${dir.path}/docs/a.md`, 'hello');
  const { code, out, err } = await stratavec(dir.path, 'quickstart', 'docs');
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('docs/a.md#1');
});
