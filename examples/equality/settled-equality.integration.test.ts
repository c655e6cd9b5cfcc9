import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { compareAll } from './compare-all.ts';
import { compareCounts } from './compare-counts.ts';
import { serverUrl } from './hand-written.ts';
import { settledEquality } from './settled-equality.ts';

const name = `eq_${randomBytes(4).toString('hex')}`;
const stores = { cache: { type: 'redis', url: serverUrl('REDIS_URL') } } as const;
const sides = { postgresUrl: serverUrl('DATABASE_URL'), tables: [`public.${name}`], stores };
const redis = new Redis(stores.cache.url);
const postgres = new pg.Client({ connectionString: sides.postgresUrl });
const ROWS = 5_000;

beforeAll(async () => {
  await postgres.connect();
  await postgres.query(`CREATE TABLE ${name} (id int PRIMARY KEY, value text)`);
});

beforeEach(async () => {
  await postgres.query(
    `TRUNCATE ${name}; INSERT INTO ${name} SELECT n, 'v' || n FROM generate_series(1, ${ROWS}) n`,
  );
  await removeAll();
  const pipeline = redis.pipeline();
  for (let id = 1; id <= ROWS; id += 1) pipeline.hset(`${name}:${id}`, { id, value: `v${id}` });
  await pipeline.exec();
});

afterAll(async () => {
  await removeAll();
  await redis.quit();
  await postgres.query(`DROP TABLE ${name}`);
  await postgres.end();
});

async function removeAll(): Promise<void> {
  const keys = await redis.keys(`${name}:*`);
  if (keys.length > 0) await redis.del(keys);
}

test('equal tables are equal at once, whatever the time given', async () => {
  expect(await settledEquality({ ...sides, timeoutMs: 0 })).toMatchObject([{ equal: true, storeRows: ROWS }]);
});

test('rows that a store receives late are no difference', async () => {
  await redis.del(`${name}:1`);
  await redis.hset(`${name}:2`, 'value', 'old');
  await redis.hset(`${name}:${ROWS + 1}`, { id: ROWS + 1, value: 'deleted in Postgres' });
  expect(await compareAll(sides)).toMatchObject([{ missing: 1, differing: 1, extra: 1, equal: false }]);
  const settled = settledEquality({ ...sides, timeoutMs: 30_000 });
  await redis.hset(`${name}:1`, { id: 1, value: 'v1' });
  await redis.hset(`${name}:2`, 'value', 'v2');
  await redis.del(`${name}:${ROWS + 1}`);
  expect(await settled).toMatchObject([
    { missing: 0, differing: 0, extra: 0, unsettled: 0, equal: true, samples: [] },
  ]);
});

test('differences that stay are found, more of them than one request reads', async () => {
  await redis.del(Array.from({ length: 450 }, (_unused, at) => `${name}:${at + 1}`));
  await redis.hset(`${name}:1000`, 'value', '');
  await redis.hset(`${name}:not a number`, { id: 'not a number', value: 'x' });
  const [result] = await settledEquality({ ...sides, timeoutMs: 2_000 });
  expect(result).toMatchObject({ missing: 450, differing: 1, extra: 1, unsettled: 0, equal: false });
  expect(result?.samples).toContain('id="1000": column value differs');
});

test('a row that changes at every look is unsettled: neither equal nor different', async () => {
  let isRunning = true;
  const writing = (async () => {
    for (let turn = 0; isRunning; turn += 1) await redis.hset(`${name}:3`, 'value', `turn ${turn}`);
  })();
  const [result] = await settledEquality({ ...sides, timeoutMs: 1_500 });
  isRunning = false;
  await writing;
  expect(result).toMatchObject({ missing: 0, differing: 0, extra: 0, unsettled: 1, equal: false });
});

test('without time to look again nothing is claimed', async () => {
  await redis.del(`${name}:1`);
  expect(await settledEquality({ ...sides, timeoutMs: 0 })).toMatchObject([
    { missing: 0, unsettled: 1, equal: false },
  ]);
});

test('a store that cannot be reached leaves the others alone', async () => {
  const down = { type: 'redis', url: 'redis://user:secret-word@127.0.0.1:1' } as const;
  const both = { ...sides, stores: { down, ...stores } };
  const compared = await compareAll(both);
  const settled = await settledEquality({ ...both, timeoutMs: 1_000 });
  const counted = await compareCounts(both);
  for (const [failed, good] of [compared, settled, counted]) {
    expect(failed).toMatchObject({ store: 'down', storeRows: null, error: expect.any(String) });
    expect(failed?.error).not.toContain('secret-word');
    expect(good).toMatchObject({ store: 'cache', storeRows: ROWS, error: null });
  }
  expect(compared.map(({ equal }) => equal)).toEqual([false, true]);
});

test.each(['elasticsearch', 'clickhouse', 'mongodb', 'redis', 'neo4j'] as const)(
  'a server in the place of %s that never answers leaves the others alone',
  async (type) => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const scheme = {
      elasticsearch: 'http',
      clickhouse: 'http',
      mongodb: 'mongodb',
      redis: 'redis',
      neo4j: 'bolt',
    };
    const hung = { type, url: `${scheme[type]}://127.0.0.1:${port}` };
    try {
      const [failed, good] = await compareAll({
        ...sides,
        stores: { hung, ...stores },
        answerTimeoutMs: 1_000,
      });
      expect(failed).toMatchObject({ store: 'hung', storeRows: null, error: 'no answer within 1 s' });
      expect(good).toMatchObject({ store: 'cache', equal: true });
    } finally {
      silent.close();
    }
  },
);

test('a table that Postgres does not have is an error that names it', async () => {
  await expect(compareAll({ ...sides, tables: ['public.no_such_table'] })).rejects.toThrow(
    'Postgres has no table public.no_such_table',
  );
});

test('a table without a primary key is an error that names it', async () => {
  await postgres.query(`CREATE TABLE ${name}_keyless (id int)`);
  try {
    const asked = compareAll({ ...sides, tables: [`public.${name}_keyless`] });
    await expect(asked).rejects.toThrow(`public.${name}_keyless has no primary key`);
  } finally {
    await postgres.query(`DROP TABLE ${name}_keyless`);
  }
});
