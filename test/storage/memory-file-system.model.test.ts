/**
 * What a crash may leave, against a model that remembers everything: for each file all contents that
 * it had since its last sync, for each name all files that it named since the last sync of the
 * directory. After a crash each name stands for one of its files, each sector of a file shows one of its
 * contents, and its length lies among its lengths. With nothing or everything kept there is no choice.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { File, FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const names = ['a', 'b', 'c'];
const sectorBytes = 512;
const sizeMax = 5 * sectorBytes;

type Operation =
  | { do: 'create'; name: string }
  | { do: 'remove'; name: string }
  | { do: 'sync'; name: string }
  | { do: 'rename'; name: string; target: string }
  | { do: 'link'; name: string; target: string }
  | { do: 'write'; name: string; position: number; length: number }
  | { do: 'truncate'; name: string; size: number }
  | { do: 'syncDirectory' };

const name = fc.constantFrom(...names);
const size = fc.nat(sizeMax);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('create'), name }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write'), name, position: size, length: size }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('truncate'), name, size }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sync'), name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rename'), name, target: name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('link'), name, target: name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove'), name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('syncDirectory') }) },
);

/** `contents` begins with the synced one; the last is the present one. */
interface ModelFile {
  contents: Uint8Array[];
}

class Model {
  /** For each name the files it named since the last sync; the last one is the present one. */
  readonly named = new Map<string, (ModelFile | undefined)[]>();

  constructor() {
    for (const each of names) this.named.set(each, [undefined]);
  }

  get(each: string): ModelFile | undefined {
    return this.named.get(each)!.at(-1);
  }

  set(each: string, file: ModelFile | undefined): void {
    this.named.get(each)!.push(file);
  }
}

async function apply(memory: FileSystem, model: Model, op: Operation, fill: number): Promise<void> {
  if (op.do === 'syncDirectory') {
    memory.syncDirectory('/');
    for (const each of names) model.named.set(each, [model.get(each)]);
    return;
  }
  const file = model.get(op.name);
  if (op.do === 'create') {
    if (file !== undefined) return;
    memory.open(op.name, 'create').close();
    model.set(op.name, { contents: [new Uint8Array(0)] });
    return;
  }
  if (file === undefined) return;
  if (op.do === 'remove') {
    memory.remove(op.name);
    model.set(op.name, undefined);
  } else if (op.do === 'rename') {
    memory.rename(op.name, op.target);
    if (model.get(op.target) === file) return;
    model.set(op.name, undefined);
    model.set(op.target, file);
  } else if (op.do === 'link') {
    if (model.get(op.target) !== undefined) return;
    memory.link(op.name, op.target);
    model.set(op.target, file);
  } else {
    const handle = memory.open(op.name, 'readwrite');
    await change(handle, file, op, fill);
    handle.close();
  }
}

async function change(
  handle: File,
  file: ModelFile,
  op: Extract<Operation, { do: 'sync' | 'truncate' | 'write' }>,
  fill: number,
): Promise<void> {
  const before = file.contents.at(-1)!;
  if (op.do === 'sync') {
    await handle.datasync();
    file.contents = [before];
  } else if (op.do === 'truncate') {
    handle.truncate(op.size);
    file.contents.push(resized(before, op.size));
  } else {
    const bytes = new Uint8Array(op.length).fill(fill);
    handle.write(bytes, op.position);
    const end = op.length === 0 ? 0 : op.position + op.length;
    const after = resized(before, Math.max(before.length, end));
    if (end > 0) after.set(bytes, op.position);
    file.contents.push(after);
  }
}

function resized(content: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(content.subarray(0, length));
  return copy;
}

function contentOf(disk: FileSystem, each: string): Uint8Array | undefined {
  if (!disk.exists(each)) return undefined;
  const file = disk.open(each, 'read');
  const content = new Uint8Array(file.size());
  file.readInto(content, 0);
  file.close();
  return content;
}

/** Whether `left` can be what a crash made of a file. */
function isPossible(left: Uint8Array, file: ModelFile): boolean {
  const lengths = file.contents.map((content) => content.length);
  if (left.length < Math.min(...lengths) || left.length > Math.max(...lengths)) return false;
  for (let start = 0; start < left.length; start += sectorBytes) {
    const sector = left.subarray(start, start + sectorBytes);
    const isKnown = file.contents.some((content) => isSame(sector, content, start));
    if (!isKnown) return false;
  }
  return true;
}

/** Behind the end of a content there are zeros. */
function isSame(sector: Uint8Array, content: Uint8Array, start: number): boolean {
  return sector.every((byte, i) => byte === (content[start + i] ?? 0));
}

/** As text: comparing arrays element by element takes most of the test's time. */
function expectEqual(actual: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  const [is, should] = [actual, expected].map((each) => each && Buffer.from(each).toString('hex'));
  expect(is).toBe(should);
}

test('a crash leaves what was synced and a subset of the rest', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { maxLength: 40, size: 'max' }),
      fc.nat(),
      async (operations, seed) => {
        const memory = new MemoryFileSystem();
        const model = new Model();
        let fill = 0;
        for (const op of operations) await apply(memory, model, op, (fill++ % 255) + 1);
        const [kept, lost] = [memory.crash(seed, 1), memory.crash(seed, 0)];
        const [some, same] = [memory.crash(seed, 0.5), memory.crash(seed, 0.5)];
        for (const each of names) {
          const files = model.named.get(each)!;
          const left = contentOf(some, each);
          expectEqual(contentOf(kept, each), files.at(-1)?.contents.at(-1));
          expectEqual(contentOf(lost, each), files[0]?.contents[0]);
          expectEqual(contentOf(same, each), left);
          const isExplained =
            left === undefined
              ? files.includes(undefined)
              : files.some((file) => file !== undefined && isPossible(left, file));
          expect(isExplained, `${each} is what it could be`).toBe(true);
        }
      },
    ),
    { numRuns: 500 },
  );
});
