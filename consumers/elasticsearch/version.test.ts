import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makePosition } from '../../schemas/position.ts';
import { externalVersion } from './version.ts';

const commitLsn = fc.bigInt({ min: 0n, max: (1n << 47n) - 1n }).map((eighth) => eighth * 8n);

test('versions order as positions do', () => {
  const position = fc.tuple(commitLsn, fc.integer({ min: 1, max: 65_534 }));
  fc.assert(
    fc.property(position, position, (a, b) => {
      const [left, right] = [makePosition(...a), makePosition(...b)];
      const versions = BigInt(externalVersion(left)) - BigInt(externalVersion(right));
      expect(versions > 0n).toBe(left > right);
      expect(versions === 0n).toBe(left === right);
    }),
  );
});

test('the largest version fits a signed 64-bit integer', () => {
  const largest = makePosition((1n << 50n) - 8n, Number.MAX_SAFE_INTEGER);
  expect(BigInt(externalVersion(largest))).toBe((1n << 63n) - 1n);
});

test('changes from the 65,535th of a transaction on share a version, below the next transaction', () => {
  const versionOf = (lsn: bigint, ordinal: number): string => externalVersion(makePosition(lsn, ordinal));
  expect(versionOf(800n, 65_535)).toBe(versionOf(800n, 1_000_000));
  expect(BigInt(versionOf(800n, 1_000_000))).toBeLessThan(BigInt(versionOf(808n, 1)));
});

test('an LSN from 1 PiB on stops the sink', () => {
  expect(() => externalVersion(makePosition(1n << 50n, 1))).toThrow(
    expect.objectContaining({ code: 'SINK_FAILED' }),
  );
});
