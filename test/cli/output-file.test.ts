/** A write or read of the operating system may move fewer bytes than were asked for. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputFile, type RawFile } from '../../src/cli/output-file.ts';

/** A file that moves at most `most` bytes a call. */
function sluggish(most: number): RawFile & { readonly content: () => number[] } {
  const content: number[] = [];
  return {
    content: () => content,
    write: async (bytes, offset, length, position) => {
      const bytesWritten = Math.min(most, length);
      for (let i = 0; i < bytesWritten; i++) content[position + i] = bytes[offset + i];
      return { bytesWritten };
    },
    read: async (bytes, offset, length, position) => {
      const bytesRead = Math.max(0, Math.min(most, length, content.length - position));
      for (let i = 0; i < bytesRead; i++) bytes[offset + i] = content[position + i];
      return { bytesRead };
    },
    stat: async () => ({ size: content.length }),
    truncate: async (size = 0) => {
      content.length = size;
    },
    close: async () => {},
  };
}

test('all bytes are written and read, however few of them a call moves', async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 1, max: 9 }), async (pieces, most) => {
      const raw = sluggish(most);
      const file = new OutputFile('a file', raw);
      for (const piece of pieces) await file.write(piece);
      await file.flush();
      const all = pieces.flatMap((piece) => [...piece]);
      expect(raw.content()).toEqual(all);
      expect([...(await file.read(1, all.length))]).toEqual(all.slice(1));
      const head = all.slice(0, 20).map((byte) => 255 - byte);
      await file.overwrite(0, Uint8Array.from(head));
      expect(raw.content()).toEqual([...head, ...all.slice(20)]);
    }),
  );
});
