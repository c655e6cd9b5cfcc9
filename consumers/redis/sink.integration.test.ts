import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../core/logger.ts';
import { makeTarget, positionAt, remove, upsert, type StoredRow } from '../../test/sink-contract-model.ts';
import { sinkContract, type SinkHarness } from '../../test/sink-contract.ts';
import { sinkOutage } from '../../test/sink-outage.ts';
import { keyText } from '../../schemas/key-text.ts';
import type { Sink, Target } from '../sink.ts';
import { tableOptionsOf } from '../load-sink.ts';
import { sink as redis } from './index.ts';

const url = process.env['REDIS_URL'];
if (url === undefined) throw new Error('REDIS_URL is missing: give the address of a Redis server');
const address = new URL(url);

const reader = new Redis(url);
afterAll(() => reader.disconnect());

const context = {
  name: 'test',
  log: createLogger({ sink: 'test' }),
  tableOptions: tableOptionsOf(redis, 'test'),
};

function createSink(options: Record<string, string> = {}): Sink {
  return redis.create(redis.options.parse({ url, ...options }), context);
}

/** Keys as a person lists them: everything that matches `<name>:*`. */
async function keysOf(pattern: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const found of reader.scanStream({ match: pattern, count: 1000 }))
    keys.push(...(found as string[]));
  return [...new Set(keys)];
}

const harness: SinkHarness = {
  tellsStale: true,
  classify: (error) => redis.classify(error),
  async open() {
    const sink = createSink();
    await sink.connect();
    return { sink, close: () => sink.close() };
  },
  async read(target) {
    const rows = new Map<string, StoredRow>();
    for (const key of await keysOf(`${target.name}:*`)) {
      const { __pos: _, ...row } = await reader.hgetall(key);
      rows.set(keyText(target.table.key, row), row);
      expect(key).toBe(`${target.name}:${keyText(target.table.key, row)}`);
    }
    return rows;
  },
  async remove(targets) {
    for (const { name } of targets) {
      const keys = [...(await keysOf(`${name}:*`)), ...(await keysOf(`__tombstone:${name}:*`))];
      await reader.del([...keys, `__truncated:${name}`]);
    }
  },
};

sinkContract('redis', harness);

sinkOutage('redis', {
  ...harness,
  host: address.hostname,
  port: Number(address.port || 6379),
  create: (port) =>
    createSink({ url: Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href }),
});

describe('redis in particular', () => {
  async function prepared(label: string): Promise<{ sink: Sink; target: Target }> {
    const target = makeTarget(label, ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });
    const opened = await harness.open();
    onTestFinished(async () => {
      await harness.remove([target]);
      await opened.close();
    });
    const { sink } = opened;
    await sink.prepare([target]);
    return { sink, target };
  }

  test('a delete leaves a tombstone with a time to live and no other key', async () => {
    const { sink, target } = await prepared('tombstone');
    await sink.write([upsert(target, { id: 1, name: 'x' }, 1)]);
    const gone = remove(target, { id: 1 }, 2);
    await sink.write([gone]);
    expect(await keysOf(`*${target.name}*`)).toEqual([`__tombstone:${target.name}:1`]);
    expect(await reader.get(`__tombstone:${target.name}:1`)).toBe(gone.position);
    const remainingMs = await reader.pttl(`__tombstone:${target.name}:1`);
    expect(remainingMs).toBeGreaterThan(0);
    expect(remainingMs).toBeLessThanOrEqual(24 * 3_600_000);
  });

  test('a truncate leaves one key for the whole table, and is done only once', async () => {
    const { sink, target } = await prepared('truncated');
    await sink.write([1, 2].map((id) => upsert(target, { id, name: 'x' }, 1)));
    await sink.truncate(target, positionAt(2));
    expect(await keysOf(`*${target.name}*`)).toEqual([`__truncated:${target.name}`]);
    expect(await sink.write([upsert(target, { id: 3, name: 'never stored' }, 1)])).toEqual([
      { result: 'stale' },
    ]);
    // A row that only another program can have made shows whether the rows were looked at again.
    const older = { __pos: positionAt(1), id: '4' };
    await reader.hset(`${target.name}:4`, older);
    for (const step of [2, 1]) await sink.truncate(target, positionAt(step));
    expect(await reader.hgetall(`${target.name}:4`)).toEqual(older);
    await sink.truncate(target, positionAt(3));
    expect(await keysOf(`${target.name}:*`)).toEqual([]);
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
      await reader.del(await keysOf(`*${target.name}*`));
    });
    const rows = [plain, ...alike].map((each) => upsert(each, { id: 1, name: 'x' }, 1));
    expect(await sink.write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
    await reader.set(`${plain.name}:foreign`, 'a string');
    await sink.truncate(plain, positionAt(2));
    expect((await keysOf(`${target.name}*`)).toSorted()).toEqual(
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
    expect(await keysOf(`*${target.name}*`)).toEqual([`${target.name}:1`]);
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
    const outcomes = await sink.write([1, 2].map((id) => upsert(target, { id, name: 'secret value' }, 1)));
    expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'applied']);
    expect(JSON.stringify(outcomes, Object.getOwnPropertyNames(new Error('')))).not.toContain('secret value');
    expect(await reader.get(`${target.name}:1`)).toBe('a string');
  });

  test('scripts that the server has forgotten are loaded again', async () => {
    const { sink, target } = await prepared('scripts');
    await sink.write([upsert(target, { id: 1, name: 'x' }, 1)]);
    await reader.script('FLUSH');
    expect(await sink.write([upsert(target, { id: 1, name: 'y' }, 2)])).toEqual([{ result: 'applied' }]);
  });

  test('a wrong password stops the sink', async () => {
    const sink = createSink({ username: 'nobody', password: 'wrong' });
    const error: unknown = await sink.connect().catch((thrown: unknown) => thrown);
    expect(redis.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_AUTH_FAILED' });
  });

  test('a database that the server does not have stops the sink and is never exchanged for database 0', async () => {
    const sink = createSink({ url: Object.assign(new URL(url), { pathname: '/9999' }).href });
    const error: unknown = await sink.connect().catch((thrown: unknown) => thrown);
    expect(redis.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_FAILED' });
  });
});

/** The same table under another name. */
function named(target: Target, name: string): Target {
  return { name, table: { ...target.table, name } };
}
