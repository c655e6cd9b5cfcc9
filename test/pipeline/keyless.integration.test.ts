import { createClient } from '@clickhouse/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countRecords } from './kafka.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

/** The columns of pgbench_history, which has no key and gets only inserts. */
const SQL = `
  CREATE TABLE keyless_history (tid int, bid int, aid int, delta int, mtime timestamp, filler varchar(22));
  CREATE TABLE keyed (id int PRIMARY KEY, note text);
  INSERT INTO keyless_history SELECT n % 10, 1, n, n % 7, '2026-01-01', repeat('x', 20) FROM generate_series(1, 15000) n;
  INSERT INTO keyed VALUES (1, 'one')`;
const WRITERS = 4;

let pipeline: Pipeline;
let producer: Worker;

beforeAll(async () => {
  pipeline = await openPipeline({
    sql: SQL,
    tables: ['keyless_history', 'keyless_late'],
    sinks: { clickhouse: 'clickhouse', redis: 'redis' },
    source: { appendOnly: ['public.*'], snapshotChunkRows: 500 },
  });
});

afterAll(() => pipeline[Symbol.asyncDispose]());

/** Inserts rows in transactions of several sizes, some with savepoints, until it is stopped; each row is unlike all others. */
async function startWriters(): Promise<{ stop(): Promise<void> }> {
  let isStopped = false;
  const write = async (writer: number) => {
    const client = await pipeline.database.connect();
    for (let round = 0; !isStopped; round += 1) {
      const insert = (delta: number) =>
        `INSERT INTO keyless_history SELECT ${writer}, ${round}, n, ${delta}, now() FROM generate_series(1, 3) n`;
      // The subtransaction has its id before it writes to the table, and ends long after.
      await client.query(`BEGIN; SAVEPOINT a; INSERT INTO keyed VALUES (${writer * 1e6 + round + 10}, 'x')`);
      await client.query(
        `${insert(-1)}; ROLLBACK TO a; SAVEPOINT b; INSERT INTO keyed VALUES (${
          writer * 1e6 + round + 10
        }, 'y'); SELECT pg_sleep(0.05)`,
      );
      await client.query(`${insert(1)}; RELEASE b; ${insert(2)}; COMMIT`);
    }
  };
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  return {
    stop: async () => {
      isStopped = true;
      await writing;
    },
  };
}

const COLUMNS = ['tid', 'bid', 'aid', 'delta', 'mtime', 'filler'];

/** The rows that the topic leaves behind when it is read from its beginning, as sorted texts. */
async function rowsOfTopic(table = 'keyless_history', columns = COLUMNS): Promise<string[]> {
  const rows = new Map<string, string>();
  for (const { key, value, partition } of await pipeline.records(`public.${table}`)) {
    if (value === null) continue;
    const event = JSON.parse(value.toString()) as { op: string; after: Record<string, unknown> };
    if (event.op === 't') {
      for (const each of rows.keys()) if (each.startsWith(`${partition} `)) rows.delete(each);
    } else
      rows.set(`${partition} ${key.toString()}`, columns.map((name) => String(event.after[name])).join('|'));
  }
  return [...rows.values()].toSorted();
}

async function rowsOfTable(table = 'keyless_history', columns = COLUMNS): Promise<string[]> {
  const rows = await pipeline.database.query<Record<string, string | null>>(
    `SELECT ${columns.map((name) => `${name === 'mtime' ? `(to_json(mtime) #>> '{}')` : name}::text AS ${name}`).join(', ')} FROM ${table}`,
  );
  return rows.map((row) => columns.map((name) => String(row[name])).join('|')).toSorted();
}

async function expectTopicEqualSoon(table?: string, columns?: string[]): Promise<void> {
  const expected = await rowsOfTable(table, columns);
  let found: string[] = [];
  await until(
    () =>
      `the topic holds the ${expected.length} rows of the table; it holds ${found.length}; ${producer.stderr().slice(-3000)}`,
    async () => {
      await pipeline.untilCaptured();
      found = await rowsOfTopic(table, columns);
      return found.length === expected.length;
    },
    40_000,
  );
  expect(found).toEqual(expected);
}

async function expectStoresEqualSoon(): Promise<void> {
  const [row] = await pipeline.database.query<{ count: string }>('SELECT count(*) FROM keyless_history');
  const expected = Number(row?.count);
  const { clickhouse: place, redis: redisPlace } = pipeline.places;
  if (place === undefined || redisPlace === undefined) throw new Error('a store is missing');
  const clickhouse = createClient({ url: place.url });
  const redis = new Redis(redisPlace.url);
  try {
    await pipeline.untilCaughtUp();
    const result = await clickhouse.query({
      query: 'SELECT count() AS count, uniqExact(_position) AS keys FROM keyless_history_current',
      format: 'JSONEachRow',
    });
    expect(await result.json()).toEqual([{ count: expected, keys: expected }]);
    const keys = await redis.keys('*keyless_history:*');
    let living = 0;
    for (const key of keys) if ((await redis.hexists(key, 'tid')) === 1) living += 1;
    expect(living).toBe(expected);
  } finally {
    await clickhouse.close();
    redis.disconnect();
  }
}

const sql = (text: string) => pipeline.database.query(text);

test('each row comes once, by the snapshot or by the stream, while others write and the producer is killed', async () => {
  // The making of a slot would wait for the transactions that run.
  pipeline.configure({ exclude: ['public.keyless_history'] });
  producer = pipeline.start('producer');
  await pipeline.untilCaptured();
  await producer.end('SIGTERM');
  pipeline.configure({ exclude: [] });
  const writers = await startWriters();
  // A transaction that had written before the history begins, and goes on.
  const open = await pipeline.database.connect();
  await open.query(`BEGIN; INSERT INTO keyless_history VALUES (-1, 0, 0, 0, '2026-01-02')`);
  producer = pipeline.start('producer');
  await until(
    () => `the history waits for its writers; ${producer.stderr()}`,
    () => producer.stderr().includes('the history waits'),
  );
  await open.query(`INSERT INTO keyless_history VALUES (-1, 0, 1, 0, '2026-01-02'); COMMIT`);
  const topic = `${pipeline.name}.public.keyless_history`;
  for (let kill = 0; kill < 4; kill += 1) {
    const before = (await rowsOfTopic()).length;
    await until(
      () => `rows come; ${producer.stderr().slice(-3000)}`,
      async () => (await countRecords(pipeline.admin, topic)) > before + 1_000,
    );
    await producer.end('SIGKILL');
    producer = pipeline.start('producer');
  }
  await pipeline.untilCaptured();
  await writers.stop();
  await expectTopicEqualSoon();
});

test('the stores hold as many rows, and updates and deletes in Postgres neither fail nor come', async () => {
  pipeline.start('sink', 'clickhouse', 'redis');
  await expectStoresEqualSoon();
  await sql(
    'BEGIN; UPDATE keyless_history SET delta = 99 WHERE tid = 3; DELETE FROM keyless_history WHERE tid = 3; ROLLBACK',
  );
  const before = await rowsOfTopic();
  await sql('UPDATE keyless_history SET delta = delta WHERE tid = 3 AND aid < 100');
  await pipeline.untilCaptured();
  expect(await rowsOfTopic()).toEqual(before);
});

test('what rewrites the table, or is asked for, lets its history begin anew', async () => {
  await sql('DELETE FROM keyless_history WHERE tid = 5');
  await sql('VACUUM FULL keyless_history');
  await sql('ALTER TABLE keyless_history ADD COLUMN grade text DEFAULT $$basic$$');
  await sql(`INSERT INTO keyless_history VALUES (7, 7, 7, 7, '2026-03-03', 'late', 'better')`);
  await expectTopicEqualSoon('keyless_history', [...COLUMNS, 'grade']);
  await sql('DELETE FROM keyless_history WHERE tid = 6');
  const { exitCode, stderr } = await pipeline.tailrace('snapshot', 'public.keyless_history');
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  await expectTopicEqualSoon('keyless_history', [...COLUMNS, 'grade']);
  await expectStoresEqualSoon();
});

test('truncate empties it, and rows come after it', async () => {
  await sql('TRUNCATE keyless_history');
  await sql(`INSERT INTO keyless_history VALUES (8, 8, 8, 8, '2026-03-04')`);
  await expectTopicEqualSoon();
  await expectStoresEqualSoon();
});

test('a table that comes later, and is left out for a while, in which rows are inserted', async () => {
  await sql('CREATE TABLE keyless_late (n int); INSERT INTO keyless_late SELECT generate_series(1, 100)');
  await expectTopicEqualSoon('keyless_late', ['n']);
  await producer.end('SIGTERM');
  pipeline.configure({ exclude: ['public.keyless_late'] });
  producer = pipeline.start('producer');
  await pipeline.untilCaptured();
  await sql('INSERT INTO keyless_late SELECT generate_series(101, 150)');
  await pipeline.untilCaptured();
  await producer.end('SIGTERM');
  pipeline.configure({ exclude: [] });
  producer = pipeline.start('producer');
  await sql('INSERT INTO keyless_late SELECT generate_series(151, 160)');
  await expectTopicEqualSoon('keyless_late', ['n']);
});
