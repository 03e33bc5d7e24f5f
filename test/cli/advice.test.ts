import { expect, test } from 'vitest';
import { hintFor } from '../../src/cli/advice.ts';
import { ioError, systemError } from '../../src/storage/io-error.ts';

test.each([
  ['ENOSPC', '; make room, and run it again'],
  ['EDQUOT', '; make room, and run it again'],
  ['EACCES', '; run it as the owner of the folder, or choose another one'],
  ['EROFS', '; run it as the owner of the folder, or choose another one'],
  ['EIO', ''],
])('%s is told with what to do', (code, hint) => {
  expect(hintFor(ioError('write', 'data/lsm/1.wal', systemError(code)))).toBe(hint);
});

test('damage sends to repair once', () => {
  const hint = hintFor({ code: 'CORRUPTION', message: 'checksum mismatch' });
  expect(hint).toContain('stratavec repair DIR');
  expect(hintFor({ code: 'CORRUPTION', message: `checksum mismatch${hint}` })).toBe('');
});
