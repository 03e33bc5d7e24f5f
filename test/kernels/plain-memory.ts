import type { KernelMemory } from '../../src/kernels/kernels.ts';

/** Memory of `bytes` without a module in it: enough for everything that only allocates. */
export function plainMemory(bytes: number): KernelMemory {
  const buffer = new SharedArrayBuffer(bytes);
  return {
    buffer,
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f32: new Float32Array(buffer),
    heapBase: 1024,
  };
}
