/** What others can watch, and that the library itself says nothing. */
import { tracingChannel } from 'node:diagnostics_channel';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { fixture } from './fixtures.ts';

const names = ['query', 'write', 'flush', 'compaction'] as const;

/** Notes beginnings and ends until it is called. */
function watch(seen: string[]): () => void {
  const stops = names.map((name) => {
    const channel = tracingChannel<unknown, { result?: unknown; error?: unknown }>(
      `stratavec:${name}`,
    );
    const note = (what: string) => (context: object) => {
      const { result, error, ...given } = context as { result?: unknown; error?: { code: string } };
      seen.push(`${name} ${what} ${error?.code ?? JSON.stringify(given)}`);
    };
    const subscribers = { start: note('start'), asyncEnd: note('end'), error: note('error') };
    const whole = { ...subscribers, end: () => {}, asyncStart: () => {} };
    channel.subscribe(whole);
    return () => channel.unsubscribe(whole);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

test('searches, writes, flushes and compactions are traced from beginning to end', async () => {
  await using f = await fixture();
  const seen: string[] = [];
  const stop = watch(seen);
  try {
    await f.collection.upsert({ id: 1, vector: [1, 2, 3, 4] });
    await f.collection.search({ vector: [1, 2, 3, 4], k: 1 });
    await expect(f.collection.search({ id: 2 })).rejects.toThrow();
    await f.db.flush();
    const before = seen.length;
    await f.db.compact();
    expect(seen.slice(before).filter((line) => line.startsWith('compaction'))).toEqual([
      'compaction start {}',
      'compaction end {}',
    ]);
    const ofCollection = '{"collection":"things","options":{"vector":[1,2,3,4],"k":1}}';
    expect(seen.slice(0, before)).toEqual([
      'write start {"collections":["things"]}',
      'write end {"collections":["things"]}',
      `query start ${ofCollection}`,
      `query end ${ofCollection}`,
      'query start {"collection":"things","options":{"id":2}}',
      'query error NOT_FOUND',
      'query end NOT_FOUND',
      'flush start {}',
      'flush end {}',
    ]);
  } finally {
    stop();
  }
  const length = seen.length;
  await f.collection.search({ vector: [1, 2, 3, 4], k: 1 });
  expect(seen).toHaveLength(length);
});

test('an injected logger is told; what it lacks is left out; a wrong one is refused', async () => {
  const lines: string[] = [];
  const note = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const logger = { debug: note('debug'), info: note('info'), warn: note('warn') };
  const f = await fixture({}, { logger });
  await f.db.flush();
  await f.db.snapshot();
  await f.db.close();
  expect(lines).toEqual([
    'info opened',
    'debug checkpoint',
    'warn 1 snapshot was still open when the database was closed',
    'debug checkpoint',
    'info closed',
  ]);
  await using quiet = await fixture({}, { logger: {} });
  await quiet.db.flush();
  for (const wrong of [1, null, { info: 'x' }]) {
    await expect(fixture({}, { logger: wrong as object })).rejects.toThrow(/logger/);
  }
});

test('the library prints nothing', async () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !name.startsWith('cli/'));
  const talkative = files.filter((name) =>
    /\bconsole\.|process\.(stdout|stderr|emitWarning)/.test(readFileSync(`src/${name}`, 'utf8')),
  );
  expect(talkative).toEqual([]);
  const writes = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
  try {
    const f = await fixture();
    await f.collection.upsert({ id: 1, vector: [1, 2, 3, 4] });
    await f.collection.search({ id: 2 }).catch(() => {});
    await f.db.snapshot();
    await f.db.close();
    for (const write of writes) expect(write).not.toHaveBeenCalled();
  } finally {
    for (const write of writes) write.mockRestore();
  }
});

test('opening many collections makes none of them', async () => {
  const f = await fixture();
  for (let i = 0; i < 200; i++) {
    await (await f.db.collection(`c${i}`, { dimension: 4 })).upsert({
      id: 1,
      vector: [1, 2, 3, 4],
    });
  }
  await f.db.close();
  await using again = await fixture({}, { fileSystem: f.fileSystem });
  const { graph, memory } = await again.db.stats();
  expect(graph.map(({ collection }) => collection)).toEqual(['things']);
  expect(memory.modulePartBytes.descriptors).toBe(128);
  expect(await again.db.collections()).toHaveLength(201);
});
