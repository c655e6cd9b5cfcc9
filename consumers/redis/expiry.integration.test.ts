import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeTarget, positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Target } from '../sink.ts';
import { keysOfTable, preparedSink, testHarness, testUrl } from './test-sink.ts';

const reader = new Redis(testUrl());
afterAll(() => reader.disconnect());

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function prepared(
  label: string,
  mapping: Record<string, unknown>,
): Promise<{ sink: Sink; target: Target; key: string }> {
  const target = makeTarget(label, ['id'], {
    id: { kind: 'int4' },
    name: { kind: 'text' },
    until: { kind: 'timestamptz' },
  });
  const harness = testHarness(reader, {}, mapping);
  const sink = await preparedSink(harness, target);
  return { sink, target, key: `${target.name}:1` };
}

/** Lets Redis itself expire a key, now. */
async function expireNow(key: string): Promise<void> {
  await reader.pexpire(key, 1);
  await expect.poll(() => reader.exists(key)).toBe(0);
}

async function expectTtl(key: string, ms: number): Promise<void> {
  const left = await reader.pttl(key);
  expect(left).toBeGreaterThan(ms - 60_000);
  expect(left).toBeLessThanOrEqual(ms);
}

describe.each(['hash', 'json'])('rows as %s with a fixed time to live', (as) => {
  const fixed = { as, ttl: '1h' };

  test('expire that long after their last change, and their version a tombstone later', async () => {
    const { sink, target, key } = await prepared(`lives_${as}`, fixed);
    await sink.write([upsert(target, { id: 1, name: 'x' }, 1)]);
    await expectTtl(key, HOUR_MS);
    await expectTtl(`__tombstone:${key}`, HOUR_MS + DAY_MS);
    await reader.pexpire(key, HOUR_MS / 2);
    await sink.write([upsert(target, { id: 1, name: 'y' }, 2)]);
    await expectTtl(key, HOUR_MS);
  });

  test('do not live longer because the same change or an older one comes again', async () => {
    const { sink, target, key } = await prepared(`again_${as}`, fixed);
    const rows = [1, 2].map((step) => upsert(target, { id: 1, name: `of ${step}` }, step));
    await sink.write(rows.slice(1));
    await reader.pexpire(key, HOUR_MS / 2);
    expect(await sink.write(rows.slice(1))).toEqual([{ result: 'applied' }]);
    expect(await sink.write(rows.slice(0, 1))).toEqual([{ result: 'stale' }]);
    await expectTtl(key, HOUR_MS / 2);
  });

  test('do not come back once they have expired, but with a newer change', async () => {
    const { sink, target, key } = await prepared(`expired_${as}`, fixed);
    const rows = [1, 2, 3].map((step) => upsert(target, { id: 1, name: `of ${step}` }, step));
    await sink.write(rows.slice(1, 2));
    await expireNow(key);
    for (const row of rows.slice(0, 2)) expect(await sink.write([row])).toEqual([{ result: 'stale' }]);
    expect(await sink.write([remove(target, { id: 1 }, 1)])).toEqual([{ result: 'stale' }]);
    expect(await keysOfTable(reader, target)).toEqual([`__tombstone:${key}`]);
    expect(await sink.write(rows.slice(2))).toEqual([{ result: 'applied' }]);
    await expectTtl(key, HOUR_MS);
  });

  test('live once more for that time with a replay that comes after their tombstone', async () => {
    const { sink, target, key } = await prepared(`anew_${as}`, fixed);
    const row = upsert(target, { id: 1, name: 'x' }, 1);
    await sink.write([row]);
    for (const expired of [key, `__tombstone:${key}`]) await expireNow(expired);
    expect(await sink.write([row])).toEqual([{ result: 'applied' }]);
    await expectTtl(key, HOUR_MS);
  });

  test('get their time with a replay after the option came, and lose it after it went', async () => {
    const { sink, target, key } = await prepared(`option_${as}`, fixed);
    const endless = await testHarness(reader, {}, { as }).open();
    onTestFinished(() => endless.close());
    const row = upsert(target, { id: 1, name: 'x' }, 1);
    await endless.sink.write([row]);
    await sink.write([row]);
    await expectTtl(key, HOUR_MS);
    await endless.sink.write([row]);
    expect(await reader.pttl(key)).toBe(-1);
    expect(await keysOfTable(reader, target)).toEqual([key]);
  });

  test('are truncated and deleted as others are', async () => {
    const { sink, target, key } = await prepared(`removed_${as}`, fixed);
    await sink.write([1, 2, 3].map((id) => upsert(target, { id, name: 'x' }, 1)));
    await sink.write([remove(target, { id: 1 }, 2)]);
    expect(await reader.get(`__tombstone:${key}`)).toBe(positionAt(2));
    await sink.truncate(target, positionAt(3));
    expect(await sink.write([2, 3].map((id) => upsert(target, { id, name: 'x' }, 2)))).toEqual([
      { result: 'stale' },
      { result: 'stale' },
    ]);
    expect((await keysOfTable(reader, target)).filter((each) => each.startsWith(target.name))).toEqual([]);
  });
});

describe.each(['hash', 'json'])('rows as %s that expire at the time in a column', (as) => {
  const until = { as, ttl: { column: 'until' } };
  const at = (ms: number): string => new Date(Date.now() + ms).toISOString();

  test('expire then, and stay where the column is null or infinity', async () => {
    const { sink, target, key } = await prepared(`until_${as}`, until);
    await sink.write([upsert(target, { id: 1, until: at(2 * HOUR_MS) }, 1)]);
    await expectTtl(key, 2 * HOUR_MS);
    await expectTtl(`__tombstone:${key}`, 2 * HOUR_MS + DAY_MS);
    for (const [step, value] of [
      [2, null],
      [3, 'infinity'],
    ] as const) {
      await sink.write([upsert(target, { id: 1, until: value }, step)]);
      expect(await reader.pttl(key)).toBe(-1);
      expect(await keysOfTable(reader, target)).toEqual([key]);
    }
  });

  test('are gone at once when the time is over, and an older change does not bring them back', async () => {
    const { sink, target, key } = await prepared(`over_${as}`, until);
    await sink.write([upsert(target, { id: 1, until: at(HOUR_MS) }, 1)]);
    for (const value of ['2001-01-01T00:00:00Z', '-infinity', '0044-03-15T00:00:00Z BC']) {
      const over = upsert(target, { id: 1, until: value }, 3);
      await sink.write([over]);
      expect(await keysOfTable(reader, target)).toEqual([`__tombstone:${key}`]);
      await expectTtl(`__tombstone:${key}`, DAY_MS);
      expect(await sink.write([upsert(target, { id: 1, until: at(HOUR_MS) }, 2)])).toEqual([
        { result: 'stale' },
      ]);
    }
    expect(await sink.write([upsert(target, { id: 1, until: at(HOUR_MS) }, 4)])).toEqual([
      { result: 'applied' },
    ]);
    await expectTtl(key, HOUR_MS);
  });
});

test('a replay brings a row back whose tombstone has expired, and takes it away with its delete', async () => {
  const { sink, target, key } = await prepared('late', {});
  const writes = [upsert(target, { id: 1, name: 'x' }, 1), remove(target, { id: 1 }, 2)];
  for (const write of writes) await sink.write([write]);
  await expireNow(`__tombstone:${key}`);
  const keys = [[key], [`__tombstone:${key}`]];
  for (const [step, write] of writes.entries()) {
    expect(await sink.write([write])).toEqual([{ result: 'applied' }]);
    expect(await keysOfTable(reader, target)).toEqual(keys[step]);
  }
});

test('a tombstone that never expires has no time to live', async () => {
  const target = makeTarget('forever', ['id'], { id: { kind: 'int4' } });
  const harness = testHarness(reader, { tombstoneTtl: 'never' }, { ttl: '1h' });
  const sink = await preparedSink(harness, target);
  await sink.write([remove(target, { id: 1 }, 1), upsert(target, { id: 2 }, 1)]);
  for (const id of [1, 2]) expect(await reader.pttl(`__tombstone:${target.name}:${id}`)).toBe(-1);
});
