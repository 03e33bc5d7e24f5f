import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { type BitGeometry, chooseBitGeometry } from '../../src/paged/bit-geometry.ts';
import { chooseGeometry, DIMENSION_MAX, UNIT_SIZE } from '../../src/paged/geometry.ts';
import { STAGING_BYTES } from '../../src/paged/slice-writer.ts';

const dimensions = Array.from({ length: DIMENSION_MAX }, (_, i) => i + 1);

function bitsOf(dimension: number): BitGeometry {
  return chooseBitGeometry(chooseGeometry(dimension));
}

test('bit pages are whole pages, whose slots and mask fit a slice of whole units', () => {
  for (const dimension of dimensions) {
    const g = bitsOf(dimension);
    const { slotsPerPage } = chooseGeometry(dimension);
    const problems = [
      g.slotsPerPage !== g.pagesPerBitPage * slotsPerPage,
      g.sliceBytes % UNIT_SIZE !== 0 || g.sliceBytes > STAGING_BYTES,
      g.count < dimension || g.count % 64 !== 0 || g.stride !== 16 + g.count / 8,
      g.maskWords * 32 < g.slotsPerPage,
      g.slotsOffset < 4 * g.maskWords || g.slotsOffset % 16 !== 0,
      g.slotsOffset + g.slotsPerPage * g.stride > g.sliceBytes,
    ];
    if (problems.includes(true)) expect.fail(`dimension ${dimension}: ${problems}`);
  }
});

test('where bits are the default less than a quarter of a slice is not slots', () => {
  for (const dimension of dimensions.slice(256, 4096)) {
    const { slotsPerPage, stride, sliceBytes } = bitsOf(dimension);
    const waste = 1 - (slotsPerPage * stride) / sliceBytes;
    if (waste >= 0.25) expect.fail(`dimension ${dimension} wastes ${waste}`);
  }
});

test('the bit geometry of each dimension is part of the format and never changes', async () => {
  const hasher = await loadHasher();
  const all = dimensions.flatMap((dimension) => Object.values(bitsOf(dimension)));
  const bytes = new Uint8Array(new Uint32Array(all).buffer);
  expect(hasher.hash32(bytes, 0)).toBe(4009800477);
});
