import xxhash from 'xxhash-wasm';

/**
 * xxHash32 over bytes. Made once when a database opens (its factory is asynchronous) and handed down.
 * 64-bit keys are two 32-bit hashes with different seeds: no BigInt on the way.
 */
export interface Hasher {
  /** An unsigned 32-bit hash of `bytes`. `seed` is an unsigned 32-bit integer. */
  hash32(bytes: Uint8Array, seed: number): number;
}

/** Loads the hash function. One hasher serves any number of databases. */
export async function loadHasher(): Promise<Hasher> {
  const { h32Raw } = await xxhash();
  return { hash32: (bytes, seed) => h32Raw(bytes, seed) >>> 0 };
}
