import Module from 'node:module';
import { afterEach, expect, test, vi } from 'vitest';
import { CorruptionError } from '../../src/errors.ts';
import { compressLz4, uncompressLz4 } from '../../src/lsm/codec.ts';

const location = { file: 'a.table', offset: 64 };
const repetitive = new TextEncoder().encode('{"title":"stratum"}'.repeat(50));

afterEach(() => {
  vi.restoreAllMocks();
  vi.resetModules();
});

/** The loader that `require` goes through, whoever made the `require`. */
const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };

test('what is compressed comes back', () => {
  const packed = compressLz4(repetitive)!;
  expect(packed.length).toBeLessThan(repetitive.length / 4);
  expect(Uint8Array.from(uncompressLz4(packed, location))).toEqual(repetitive);
});

test('compression that saves less than an eighth is not kept', () => {
  const mixed = Uint8Array.from({ length: 800 }, (_, i) => (i < 700 ? (i * i * 7919) >>> 5 : 0));
  expect(compressLz4(mixed.subarray(0, 700))).toBeUndefined();
  expect(compressLz4(new Uint8Array(0))).toBeUndefined();
});

test('impossible lengths and broken streams are CORRUPTION, before memory is taken', () => {
  const packed = Uint8Array.from(compressLz4(repetitive)!);
  const withLength = (length: number): Uint8Array => {
    const changed = packed.slice();
    new DataView(changed.buffer).setUint32(0, length, true);
    return changed;
  };
  const broken = [
    new Uint8Array(3),
    withLength(0xffffffff),
    withLength(repetitive.length + 1),
    withLength(repetitive.length - 1),
    packed.slice(0, 20),
  ];
  for (const bytes of broken) expect(() => uncompressLz4(bytes, location)).toThrow(CorruptionError);
});

test('without lz4-napi nothing is compressed, and a compressed block says what to install', async () => {
  const packed = compressLz4(repetitive)!;
  const load = loader._load;
  vi.spyOn(loader, '_load').mockImplementation((request, ...rest) => {
    if (request === 'lz4-napi') throw new Error('no native package for this platform');
    return load(request, ...rest);
  });
  vi.resetModules();
  const codec = await import('../../src/lsm/codec.ts');
  expect(codec.compressLz4(repetitive)).toBeUndefined();
  expect(() => codec.uncompressLz4(packed, location)).toThrow(/a\.table .* install lz4-napi/);
});
