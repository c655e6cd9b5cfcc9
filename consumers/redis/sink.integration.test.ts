import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeTarget, positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import { sinkContract } from '../../test/sink-contract.ts';
import { sinkOutage } from '../../test/sink-outage.ts';
import type { Sink, Target } from '../sink.ts';
import { sink as redis } from './index.ts';
import { keysOf, keysOfTable, preparedSink, testHarness, testSink, testUrl } from './test-sink.ts';

const url = testUrl();
const address = new URL(url);
const reader = new Redis(url);
afterAll(() => reader.disconnect());

const harness = testHarness(reader);

sinkContract('redis', harness);

sinkOutage('redis', {
  ...harness,
  host: address.hostname,
  port: Number(address.port || 6379),
  create: (port, login) =>
    testSink({
      ...login,
      url: Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href,
    }),
  async makeLogin() {
    const login = { username: `tailrace_${process.pid}`, password: 'short-lived' };
    await reader.acl('SETUSER', login.username, 'on', `>${login.password}`, '~*', '&*', '+@all');
    const remove = async (): Promise<void> => void (await reader.acl('DELUSER', login.username));
    return { login, remove };
  },
});

describe('redis in particular', () => {
  async function prepared(label: string): Promise<{ sink: Sink; target: Target }> {
    const target = makeTarget(label, ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });
    return { sink: await preparedSink(harness, target), target };
  }

  test('a delete leaves a tombstone with a time to live and no other key', async () => {
    const { sink, target } = await prepared('tombstone');
    await sink.write([upsert(target, { id: 1, name: 'x' }, 1)]);
    const gone = remove(target, { id: 1 }, 2);
    await sink.write([gone]);
    expect(await keysOfTable(reader, target)).toEqual([`__tombstone:${target.name}:1`]);
    expect(await reader.get(`__tombstone:${target.name}:1`)).toBe(gone.position);
    const remainingMs = await reader.pttl(`__tombstone:${target.name}:1`);
    expect(remainingMs).toBeGreaterThan(0);
    expect(remainingMs).toBeLessThanOrEqual(24 * 3_600_000);
  });

  test('a truncate leaves one key for the whole table, and is done only once', async () => {
    const { sink, target } = await prepared('truncated');
    await sink.write([1, 2].map((id) => upsert(target, { id, name: 'x' }, 1)));
    await sink.truncate(target, positionAt(2));
    expect(await keysOfTable(reader, target)).toEqual([`__truncated:${target.name}`]);
    expect(await sink.write([upsert(target, { id: 3, name: 'never stored' }, 1)])).toEqual([
      { result: 'stale' },
    ]);
    // A row that only another program can have made shows whether the rows were looked at again.
    const older = { __pos: positionAt(1), id: '4' };
    await reader.hset(`${target.name}:4`, older);
    for (const step of [2, 1]) await sink.truncate(target, positionAt(step));
    expect(await reader.hgetall(`${target.name}:4`)).toEqual(older);
    await sink.truncate(target, positionAt(3));
    expect(await keysOf(reader, `${target.name}:*`)).toEqual([]);
  });

  test("a truncate leaves alone other tables and other programs' keys that look like its own", async () => {
    const { sink, target } = await prepared('wild');
    const plain = named(target, `${target.name}[a]*`);
    const alike = [
      named(target, `${target.name}aa`),
      named(target, `${target.name}[a]*:1`),
      named(target, `${target.name}[a]**`),
    ];
    onTestFinished(async () => {
      await reader.del(await keysOf(reader, `*${target.name}*`));
    });
    const rows = [plain, ...alike].map((each) => upsert(each, { id: 1, name: 'x' }, 1));
    expect(await sink.write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
    await reader.set(`${plain.name}:foreign`, 'a string');
    await sink.truncate(plain, positionAt(2));
    expect((await keysOf(reader, `${target.name}*`)).toSorted()).toEqual(
      [
        `${plain.name}:foreign`,
        `${target.name}aa:1`,
        `${target.name}[a]*\\:1:1`,
        `${target.name}[a]**:1`,
      ].toSorted(),
    );
  });

  test('a row that comes back takes its tombstone away', async () => {
    const { sink, target } = await prepared('revived');
    await sink.write([remove(target, { id: 1 }, 1)]);
    await sink.write([upsert(target, { id: 1, name: 'x' }, 2)]);
    expect(await keysOfTable(reader, target)).toEqual([`${target.name}:1`]);
  });

  test('a column that became null leaves the hash', async () => {
    const { sink, target } = await prepared('nulls');
    await sink.write([upsert(target, { id: 1, name: 'x' }, 1)]);
    await sink.write([upsert(target, { id: 1, name: null }, 2)]);
    expect(Object.keys(await reader.hgetall(`${target.name}:1`)).toSorted()).toEqual(['__pos', 'id']);
  });

  test('a key that another program uses is rejected alone', async () => {
    const { sink, target } = await prepared('foreign');
    await reader.set(`${target.name}:1`, 'a string');
    await reader.hset(`${target.name}:2`, { of: 'another program' });
    const writes = [1, 2, 3].map((id) => upsert(target, { id, name: 'secret value' }, 1));
    const outcomes = await sink.write(writes);
    expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'rejected', 'applied']);
    expect(JSON.stringify(outcomes, Object.getOwnPropertyNames(new Error('')))).not.toContain('secret value');
    const gone = await sink.write([1, 2, 3].map((id) => remove(target, { id }, 2)));
    expect(gone.map(({ result }) => result)).toEqual(['rejected', 'rejected', 'applied']);
    expect(await reader.get(`${target.name}:1`)).toBe('a string');
    expect(await reader.hgetall(`${target.name}:2`)).toEqual({ of: 'another program' });
  });

  test.each(['a secret', '"a secret"', '{"as":"hash"}', '[]'])(
    "another program's text under the key of the layout stops the sink with the key's name alone: %s",
    async (text) => {
      const target = makeTarget('foreign_layout', ['id'], { id: { kind: 'int4' } });
      const layout = `__layout:${target.name}`;
      onTestFinished(async () => void (await reader.del(layout)));
      await reader.set(layout, text);
      const { sink } = await harness.open();
      onTestFinished(() => sink.close());
      await expect(sink.prepare([target])).rejects.toMatchObject({
        code: 'SINK_SCHEMA_CONFLICT',
        message: expect.stringContaining(layout) as string,
      });
      await expect(sink.prepare([target])).rejects.not.toThrow(text);
      expect(await reader.get(layout)).toBe(text);
    },
  );

  test('scripts that the server has forgotten are loaded again', async () => {
    const { sink, target } = await prepared('scripts');
    await sink.write([upsert(target, { id: 1, name: 'x' }, 1)]);
    await reader.script('FLUSH');
    expect(await sink.write([upsert(target, { id: 1, name: 'y' }, 2)])).toEqual([{ result: 'applied' }]);
  });

  test('a wrong password stops the sink', async () => {
    const sink = testSink({ username: 'nobody', password: 'wrong' });
    const error: unknown = await sink.connect().catch((thrown: unknown) => thrown);
    expect(redis.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_AUTH_FAILED' });
  });

  test('a database that the server does not have stops the sink and is never exchanged for database 0', async () => {
    const sink = testSink({ url: Object.assign(new URL(url), { pathname: '/9999' }).href });
    const error: unknown = await sink.connect().catch((thrown: unknown) => thrown);
    expect(redis.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_FAILED' });
  });
});

/** The same table under another name. */
function named(target: Target, name: string): Target {
  return { name, table: { ...target.table, name } };
}
