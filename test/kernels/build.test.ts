/** The generated module is of these sources (`npm run check` compiles them and compares the bytes). */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { createKernels } from '../../src/kernels/kernels.ts';

test('the compiled bytes are of the sources as they are', () => {
  execFileSync(process.execPath, ['scripts/build-kernels.mjs', '--check-hash'], {
    stdio: 'inherit',
  });
});

test('memory is shared, as large as asked for, and left alone by a second instance', () => {
  const { memory } = createKernels(100_000);
  expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(memory.buffer.byteLength).toBe(2 * 65536);
  expect(memory.heapBase % 16).toBe(0);
  expect(memory.heapBase).toBeGreaterThan(0);
  expect(memory.u8.every((byte) => byte === 0)).toBe(true);
});
