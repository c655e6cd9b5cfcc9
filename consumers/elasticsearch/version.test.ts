import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makePosition } from '../../schemas/position.ts';
import { externalVersion, hasRoom, isShared } from './version.ts';

const commitLsn = fc.bigInt({ min: 0n, max: (1n << 47n) - 6n }).map((eighth) => eighth * 8n);

test('versions order as positions do', () => {
  const position = fc.tuple(commitLsn, fc.integer({ min: 1, max: 65_534 }));
  fc.assert(
    fc.property(position, position, (a, b) => {
      const [left, right] = [makePosition(...a), makePosition(...b)];
      const versions = externalVersion(left) - externalVersion(right);
      expect(versions > 0n).toBe(left > right);
      expect(versions === 0n).toBe(left === right);
    }),
  );
});

test('the largest version fits a signed 64-bit integer', () => {
  const largest = makePosition((1n << 50n) - 48n, Number.MAX_SAFE_INTEGER);
  // With all that a shared version may go up.
  expect(externalVersion(largest) + (4n << 16n)).toBeLessThan(1n << 63n);
});

test('changes from the 65,535th of a transaction on share a version, below the next transaction', () => {
  const versionOf = (lsn: bigint, ordinal: number): bigint => externalVersion(makePosition(lsn, ordinal));
  expect(versionOf(800n, 65_535)).toBe(versionOf(800n, 1_000_000));
  expect(versionOf(800n, 1_000_000)).toBeLessThan(versionOf(808n, 1));
});

test('an LSN from 1 PiB on stops the sink', () => {
  expect(() => externalVersion(makePosition((1n << 50n) - 40n, 1))).toThrow(
    expect.objectContaining({ code: 'SINK_FAILED' }),
  );
});

test('a shared version has room below the first one that the next transaction can have', () => {
  const shared = makePosition(0x3_ffff_ffff_f000n, 70_000);
  const next = externalVersion(makePosition(0x3_ffff_ffff_f000n + 40n, 0));
  expect(isShared(shared)).toBe(true);
  expect(isShared(makePosition(800n, 65_534))).toBe(false);
  expect(hasRoom(shared, Number(externalVersion(shared) + 100_000n))).toBe(true);
  // Numbers of that size are rounded to 1,024.
  expect(hasRoom(shared, Number(next - 2_048n))).toBe(false);
});
