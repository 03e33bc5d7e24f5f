/** The readers of `import`: right records from any chunking, and errors that name file and row. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InputStream } from '../../src/cli/formats/input-stream.ts';
import { parseRecord, readJsonLines } from '../../src/cli/formats/json-lines.ts';
import { findTextFiles, isTextFileName } from '../../src/cli/formats/markdown-files.ts';
import { readVectorFile } from '../../src/cli/formats/vector-file.ts';
import type { VectorFileKind } from '../../src/cli/formats/vector-header.ts';
import { tempDir } from '../temp-dir.ts';

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size)
    yield bytes.subarray(start, start + size);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

function vectorBytes(kind: VectorFileKind, rows: readonly (readonly number[])[]): Uint8Array {
  const columns = rows[0]?.length ?? 1;
  const width = kind === 'fbin' ? 4 : 1;
  const view = new DataView(new ArrayBuffer(8 + rows.length * columns * width));
  view.setUint32(0, rows.length, true);
  view.setUint32(4, columns, true);
  rows.flat().forEach((value, i) => {
    if (kind === 'fbin') view.setFloat32(8 + i * 4, value, true);
    else view.setUint8(8 + i, value);
  });
  return new Uint8Array(view.buffer);
}

async function readRows(kind: VectorFileKind, bytes: Uint8Array, size = 7): Promise<number[][]> {
  const input = {
    path: 'x.bin',
    bytesTotal: bytes.length,
    isCompressed: false,
    chunks: () => chunked(bytes, size),
  };
  const file = await readVectorFile(input as never, kind);
  return (await collect(file.vectors)).map((vector) => [...vector]);
}

test('vector files come out as they went in, however they are cut', async () => {
  const rows = fc.integer({ min: 1, max: 9 }).chain((columns) =>
    fc.array(fc.array(fc.nat(255), { minLength: columns, maxLength: columns }), {
      minLength: 1,
      maxLength: 12,
    }),
  );
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.constantFrom<VectorFileKind>('fbin', 'u8bin'),
      fc.integer({ min: 1, max: 40 }),
      async (given, kind, size) => {
        expect(await readRows(kind, vectorBytes(kind, given), size)).toEqual(given);
      },
    ),
  );
});

test('a vector file cut anywhere is refused, naming the file', async () => {
  const whole = vectorBytes('fbin', [
    [1, 2, 3],
    [4, 5, 6],
  ]);
  for (let length = 0; length < whole.length; length++) {
    await expect(readRows('fbin', whole.subarray(0, length))).rejects.toThrow(/^x\.bin/);
  }
  await expect(readRows('fbin', whole.subarray(0, 22))).rejects.toThrow(
    'x.bin row 1: the file ends here; its header says 2 rows',
  );
  await expect(readRows('fbin', new Uint8Array([...whole, 0]))).rejects.toThrow(/more bytes/);
});

test('garbage is not a vector file', async () => {
  await expect(readRows('fbin', Buffer.from('{"id": 1, "vector": [1]}\n'))).rejects.toThrow(
    /x\.bin: not fbin: its header says \d+ columns/,
  );
});

test('JSON lines come out as they went in, however they are cut', async () => {
  const records = fc.array(
    fc.record({ id: fc.maxSafeInteger(), text: fc.string({ unit: 'grapheme' }) }),
  );
  await fc.assert(
    fc.asyncProperty(records, fc.integer({ min: 1, max: 30 }), async (given, size) => {
      const bytes = Buffer.from(given.map((record) => `${JSON.stringify(record)}\r\n`).join('\n'));
      const lines = await collect(readJsonLines(chunked(bytes, size), 'x.jsonl'));
      expect(lines.map(({ record }) => record)).toEqual(
        given.map((r) => JSON.parse(JSON.stringify(r))),
      );
    }),
  );
});

test('a byte order mark and a missing last line end are fine', async () => {
  const bytes = Buffer.from('\ufeff{"id":1,"text":"a"}\n{"id":2,"text":"b"}');
  const lines = await collect(readJsonLines(chunked(bytes, 5), 'x.jsonl'));
  expect(lines.map(({ where, record }) => [where, record.id])).toEqual([
    ['x.jsonl line 1', 1],
    ['x.jsonl line 2', 2],
  ]);
});

test.each([
  ['{"id": 1, "vector": [1', /not JSON/],
  ['[1, 2]', /expected an object/],
  ['null', /expected an object/],
  ['{"vector": [1]}', /has no "id"/],
  ['{"id": 1.5, "vector": [1]}', /"id" 1.5 is no exact integer/],
  [
    '{"id": 9007199254740993, "vector": [1]}',
    /no exact integer; write \{"\$bigint": "…"\} with its digits/,
  ],
  ['{"id": true, "vector": [1]}', /"id" must be/],
  ['{"id": 1, "vector": [1, null]}', /"vector"\[1\] is null/],
  ['{"id": 1, "vector": "[1]"}', /"vector" must be an array/],
  ['{"id": 1, "text": 5}', /"text" must be a string/],
  ['{"id": 1, "text": "a", "namespace": 5}', /"namespace" must be a string/],
  ['{"id": 1, "vektor": [1]}', /unknown field "vektor"; did you mean "vector"\?/],
  ['{"id": 1, "vector": [1], "colour": 1}', /unknown field "colour"; put further fields/],
  ['{"id": 1, "text": "a", "expiresAt": "soon"}', /"expiresAt" must be a number/],
  ['{"id": 1, "text": "a", "expiresAt": 5, "ttlSeconds": 5}', /without "ttlSeconds"/],
])('the line %s is refused with its number', (text, message) => {
  expect(() => parseRecord(text, 'x.jsonl line 7')).toThrow(message);
  expect(() => parseRecord(text, 'x.jsonl line 7')).toThrow(/^x\.jsonl line 7: /);
});

test('the end of a record comes back from an export as the time that is left', () => {
  const line = (rest: object): string => JSON.stringify({ id: 1, text: 'a', ...rest });
  expect(parseRecord(line({ ttlSeconds: 5 }), 'x')).toMatchObject({ ttlSeconds: 5 });
  const { ttlSeconds } = parseRecord(line({ expiresAt: Date.now() + 1e6 }), 'x');
  expect(ttlSeconds).toBeGreaterThan(900);
  expect(ttlSeconds).toBeLessThanOrEqual(1000);
  expect(parseRecord(line({ expiresAt: 5 }), 'x')).toEqual({ id: 1, text: 'a', ttlSeconds: 0.001 });
});

test('bytes that are no text are refused with their line', async () => {
  const bytes = Buffer.concat([
    Buffer.from('{"id":1,"text":"a"}\n'),
    Buffer.from([0xff, 0xfe, 0x0a]),
  ]);
  await expect(collect(readJsonLines(chunked(bytes, 4), 'x.jsonl'))).rejects.toThrow(
    'x.jsonl line 2: not UTF-8',
  );
});

test('a gzip file is unpacked; a cut or damaged one is refused', async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/x.jsonl.gz`;
  const text = 'line\n'.repeat(10_000);
  const packed = gzipSync(text);
  await writeFile(path, packed);
  const input = await InputStream.open(path);
  expect(Buffer.concat(await collect(input.chunks())).toString()).toBe(text);
  expect(input.bytesRead).toBe(packed.length);

  await writeFile(path, packed.subarray(0, packed.length - 12));
  await expect(collect((await InputStream.open(path)).chunks())).rejects.toThrow(/ends early/);
  await writeFile(path, 'plain text');
  await expect(collect((await InputStream.open(path)).chunks())).rejects.toThrow(/damaged gzip/);
});

test('missing files and folders are named', async () => {
  await using dir = await tempDir();
  await expect(InputStream.open(`${dir.path}/none.jsonl`)).rejects.toThrow(
    /none\.jsonl: no such file/,
  );
  await expect(InputStream.open(dir.path)).rejects.toThrow(/is a folder/);
  await expect(findTextFiles(`${dir.path}/none`)).rejects.toThrow(/none: no such file or folder/);
});

test('READMEs and Markdown are found, sorted; code, links and .git are not', async () => {
  await using dir = await tempDir();
  await mkdir(`${dir.path}/b/.git`, { recursive: true });
  const names = [
    'README',
    'b/readme.txt',
    'b/x.md',
    'b/y.txt',
    'b/readme.js',
    'b/.git/z.md',
    'a.MARKDOWN',
  ];
  for (const name of names) await writeFile(`${dir.path}/${name}`, name);
  await symlink(dir.path, `${dir.path}/b/loop`);
  await symlink(`${dir.path}/README`, `${dir.path}/b/link.md`);
  const paths = async (plain: boolean): Promise<string[]> =>
    (await findTextFiles(dir.path, { plain })).files.map(({ path }) =>
      path.slice(dir.path.length + 1),
    );
  expect(await paths(false)).toEqual(['README', 'a.MARKDOWN', 'b/readme.txt', 'b/x.md']);
  expect(await paths(true)).toEqual(['README', 'a.MARKDOWN', 'b/readme.txt', 'b/x.md', 'b/y.txt']);
  expect(isTextFileName('guide.md.gz', false)).toBe(true);
});
