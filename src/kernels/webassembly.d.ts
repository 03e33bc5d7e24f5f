/**
 * The few names of the WebAssembly interface that the loader uses: they are part of no library that
 * the compiler is given.
 */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: boolean });
    readonly buffer: SharedArrayBuffer;
  }

  class Module {
    constructor(bytes: Uint8Array);
  }

  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory; countsWords: number } });
    readonly exports: unknown;
  }
}
