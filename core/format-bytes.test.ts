import { expect, test } from 'vitest';
import { formatBytes } from './format-bytes.ts';

test.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1536, '1.5 kB'],
  [16 * 2 ** 20, '16 MB'],
  [1.25 * 2 ** 40, '1.3 TB'],
  [-2048, '-2.0 kB'],
])('%d is shown as %s', (bytes, shown) => {
  expect(formatBytes(bytes)).toBe(shown);
});
