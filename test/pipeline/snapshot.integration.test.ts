import { describe, expect, test } from 'vitest';
import { randomFor } from '../../examples/random.ts';
import { decodeRecord, type DecodedRecord } from './decode-record.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { whileCommitHangs } from './hung-commit.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

const ROWS = 2_000;
const CHUNK_ROWS = 50;
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL, note text);
  INSERT INTO items SELECT g, 0, md5(g::text) FROM generate_series(1, ${ROWS}) g`;

async function events(pipeline: Pipeline, table: string): Promise<DecodedRecord[]> {
  return Promise.all((await pipeline.records(table)).map(decodeRecord));
}

function count(records: readonly DecodedRecord[], op: string): number {
  return records.filter(({ value }) => value?.op === op).length;
}

/** Waits until the snapshot has read this many rows of the table and still has others before it. */
async function snapshotHasRead(producer: Worker, rows: number): Promise<void> {
  await until(`the snapshot has read ${rows} rows`, async () => {
    const { details } = await producer.status('producer');
    const snapshot = details['snapshot'] as { rows: number } | null;
    return snapshot !== null && snapshot.rows >= rows;
  });
}

/** Inserts, updates, deletes and re-keys rows of items, a transaction after the other, until the signal fires. */
async function changeItems(pipeline: Pipeline, signal: AbortSignal): Promise<number> {
  const random = randomFor(7);
  const client = await pipeline.database.connect();
  const id = () => random.between(1, ROWS);
  let transactions = 0;
  while (!signal.aborted) {
    const statements = [
      `WITH low AS (SELECT ${id()} AS id) UPDATE items SET n = n + 1 FROM low WHERE items.id BETWEEN low.id AND low.id + 3`,
      `UPDATE items SET n = n + 1 WHERE id = ${id()}`,
      `DELETE FROM items WHERE id = ${id()}`,
      `INSERT INTO items VALUES (${id()}, 1, 'again') ON CONFLICT DO NOTHING`,
      `UPDATE items SET id = ${ROWS} + ${transactions + 1} WHERE id = ${id()}`,
    ];
    const chosen = statements.filter(() => random.chance(0.4));
    await client.query(['BEGIN', ...chosen, random.chance(0.1) ? 'ROLLBACK' : 'COMMIT'].join('; '));
    transactions += 1;
  }
  return transactions;
}

test('rows that change all the time while they are read end equal', async () => {
  await using pipeline = await openPipeline({
    sql: ITEMS,
    sinks: { cache: 'redis' },
    source: { snapshotChunkRows: CHUNK_ROWS },
  });
  const stop = new AbortController();
  const workload = changeItems(pipeline, stop.signal);
  try {
    const worker = pipeline.start('all');
    await snapshotHasRead(worker, 1);
    await pipeline.untilCaptured();
  } finally {
    stop.abort();
    await workload;
  }
  await pipeline.untilCaughtUp();
  const records = await events(pipeline, 'public.items');
  // Changes came before, between and after the chunks, else nothing was shown.
  const byPosition = records.toSorted((left, right) =>
    (left.headers['tailrace.position'] ?? '').localeCompare(right.headers['tailrace.position'] ?? ''),
  );
  const reads = byPosition.flatMap(({ value }, index) => (value?.op === 'r' ? [index] : []));
  const between = byPosition.slice(reads[0], reads.at(-1)).filter(({ value }) => value?.op !== 'r');
  expect(between.length).toBeGreaterThan(100);
  await pipeline.expectEqual(['public.items']);
});

test('a producer that is killed in the middle of a snapshot goes on at the chunk', async () => {
  await using pipeline = await openPipeline({
    sql: ITEMS,
    sinks: { cache: 'redis' },
    source: { snapshotChunkRows: CHUNK_ROWS },
  });
  const first = pipeline.start('producer');
  await snapshotHasRead(first, ROWS / 4);
  await first.end('SIGKILL');
  const kept = count(await events(pipeline, 'public.items'), 'r');
  expect(kept).toBeLessThan(ROWS);
  await pipeline.database.query(
    'UPDATE items SET n = 5 WHERE id % 3 = 0; DELETE FROM items WHERE id % 7 = 0',
  );
  const left = await pipeline.database.query('SELECT FROM items');
  pipeline.start('all');
  await pipeline.untilCaughtUp();
  // Rows deleted meanwhile may have been read before or not at all; only what arrived just before the kill can have come
  // twice: the progress of the last chunks was still on its way.
  const read = count(await events(pipeline, 'public.items'), 'r');
  expect(read).toBeGreaterThanOrEqual(left.length);
  expect(read).toBeLessThanOrEqual(ROWS + 4 * CHUNK_ROWS);
  await pipeline.expectEqual(['public.items']);
});

test('a snapshot that is done is not read again after a restart', async () => {
  await using pipeline = await openPipeline({ sql: ITEMS, source: { snapshotChunkRows: 500 } });
  const first = pipeline.start('producer');
  await pipeline.untilCaptured();
  await first.end('SIGKILL');
  pipeline.start('producer');
  await pipeline.untilCaptured();
  expect(count(await events(pipeline, 'public.items'), 'r')).toBe(ROWS);
});

test('keys of every kind are gone on from after each chunk', async () => {
  const odd = `'a''b', E'back\\\\slash', E'new\\nline', E'tab\\there', '\\N', '', '"quoted"', 'ünïcödé', '日本', '😀', ' space '`;
  await using pipeline = await openPipeline({
    sql: `CREATE TYPE mood AS ENUM ('sad', 'so-so', 'it''s fine', 'happy');
      CREATE DOMAIN short AS varchar(12);
      CREATE EXTENSION citext;
      CREATE TABLE texts (k text PRIMARY KEY, v text);
      INSERT INTO texts SELECT k, k FROM unnest(ARRAY[${odd}]) k;
      CREATE TABLE pairs (a text, b int, c timestamptz, v int, PRIMARY KEY (b, c, a));
      INSERT INTO pairs SELECT k, n, timestamptz '2024-02-29 12:00:00.123456+01' - n * interval '1 day', n
        FROM unnest(ARRAY[${odd}]) k, generate_series(1, 3) n;
      CREATE TABLE uuids (k uuid PRIMARY KEY);
      INSERT INTO uuids SELECT md5(n::text)::uuid FROM generate_series(1, 10) n;
      CREATE TABLE numerics (k numeric PRIMARY KEY);
      INSERT INTO numerics VALUES ('-1e30'), (-0.00001), (0), (0.1), (1.50), (12345678901234567890.123456789), ('NaN'), ('Infinity');
      CREATE TABLE floats (k float8 PRIMARY KEY);
      INSERT INTO floats VALUES ('-Infinity'), (-1e-300), (0.1), (1.1), (1e300), ('Infinity'), ('NaN');
      CREATE TABLE bytes (k bytea PRIMARY KEY);
      INSERT INTO bytes SELECT decode(md5(n::text), 'hex') FROM generate_series(1, 10) n;
      INSERT INTO bytes VALUES ('\\x'), ('\\x00'), ('\\x5c');
      CREATE TABLE enums (k mood PRIMARY KEY);
      INSERT INTO enums SELECT unnest(enum_range(NULL::mood));
      CREATE TABLE times (k timestamp PRIMARY KEY);
      INSERT INTO times VALUES ('-infinity'), ('0044-03-15 BC'), ('2024-01-01 00:00:00.000001'), ('294276-12-31'), ('infinity');
      CREATE TABLE mixed (a citext, b short, c char(5), d date, e bool, PRIMARY KEY (a, b, c, d, e));
      INSERT INTO mixed SELECT 'Ab' || n, 'x' || n, 'y', date '2024-01-01' + n, n % 2 = 0 FROM generate_series(1, 10) n;
      CREATE SCHEMA "Odd ""schema";
      CREATE TABLE "Odd ""schema"."Tä.ble 😀" ("K y" int, "select" text, PRIMARY KEY ("select", "K y"));
      INSERT INTO "Odd ""schema"."Tä.ble 😀" SELECT n, 'x' || n FROM generate_series(1, 10) n`,
    source: { snapshotChunkRows: 2, tables: ['public.*', 'Odd "schema.*'] },
  });
  pipeline.start('producer');
  await pipeline.untilCaptured();
  const rows = {
    'public.texts': 11,
    'public.pairs': 33,
    'public.uuids': 10,
    'public.numerics': 8,
    'public.floats': 7,
    'public.bytes': 13,
    'public.enums': 4,
    'public.times': 5,
    'public.mixed': 10,
    'Odd__schema.T_.ble___': 10,
  };
  for (const [table, expected] of Object.entries(rows)) {
    const read = await events(pipeline, table);
    const keys = new Set(read.map(({ keyBytes }) => keyBytes.toString('hex')));
    expect([table, read.length, keys.size]).toStrictEqual([table, expected, expected]);
  }
});

test('rows of a megabyte are read within bounds', async () => {
  await using pipeline = await openPipeline({
    sql: `CREATE TABLE wide (id int PRIMARY KEY, body text NOT NULL);
      INSERT INTO wide SELECT g, repeat(chr(64 + g % 26), CASE WHEN g > 600 THEN 600000 ELSE 10 END) FROM generate_series(1, 640) g`,
  });
  pipeline.start('producer');
  await pipeline.untilCaptured();
  const read = await events(pipeline, 'public.wide');
  expect(
    read
      .map(({ value }) => [Number(value?.after?.['id']), value?.after?.['body']?.toString().length])
      .toSorted(([left], [right]) => Number(left) - Number(right)),
  ).toStrictEqual(Array.from({ length: 640 }, (_, index) => [index + 1, index >= 600 ? 600_000 : 10]));
});

describe('a transaction that other sessions do not see yet', () => {
  const tables = `CREATE TABLE first (id int PRIMARY KEY);
    CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL);
    INSERT INTO items SELECT g, 0 FROM generate_series(1, 5) g;
    CREATE TABLE long_texts (id int PRIMARY KEY, n int NOT NULL, body text);
    INSERT INTO long_texts SELECT g, 0, (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 400))
      FROM generate_series(1, 5) g`;
  const update = 'UPDATE items SET n = 1 WHERE id = 2';

  /** A pipeline whose slot exists and whose producer is stopped; `source` is how it captured so far. */
  async function openWithSlot(source: Readonly<Record<string, unknown>>): Promise<Pipeline> {
    const pipeline = await openPipeline({ sql: tables, sinks: { cache: 'redis' }, source });
    const producer = pipeline.start('producer');
    await pipeline.untilCaptured();
    await producer.end('SIGTERM');
    pipeline.configure({ tables: ['public.*'], snapshot: 'initial', snapshotChunkRows: 3 });
    return pipeline;
  }

  /** Waits until a chunk has been refused again and again, or the snapshot is done. */
  function chunkIsDecided(producer: Worker): Promise<boolean> {
    return until('a chunk is read again and again, or the snapshot is done', async () => {
      const { state, details } = await producer.status('producer');
      const snapshot = details['snapshot'] as { repeats: number } | null;
      return state === 'running' || (snapshot !== null && snapshot.repeats > 3);
    });
  }

  function updateIsInTopic(pipeline: Pipeline): Promise<boolean> {
    return until('the update is in the topic', async () => {
      const topics = await pipeline.admin.listTopics();
      const isThere = topics.includes(`${pipeline.name}.public.items`);
      return isThere && count(await events(pipeline, 'public.items'), 'u') > 0;
    });
  }

  /** Waits until the producer reads the long value from the table, or waits for it again and again. */
  async function longValueIsAskedFor(pipeline: Pipeline): Promise<void> {
    const waits = new Set<string>();
    await until('the producer has met the update', async () => {
      const [asked] = await pipeline.database.query<{ at: string; query: string }>(
        `SELECT query_start::text AS at, query FROM pg_stat_activity WHERE application_name = $1`,
        [`tailrace ${pipeline.name}`],
      );
      if (asked?.query.startsWith('SELECT pg_current_snapshot') === true) waits.add(asked.at);
      return waits.size > 2 || (asked?.query.includes('FROM "public"."long_texts" WHERE') ?? false);
    });
  }

  async function expectEqualAtLast(pipeline: Pipeline): Promise<void> {
    pipeline.start('sink', 'cache');
    await pipeline.untilCaughtUp();
    await pipeline.expectEqual(['public.items', 'public.long_texts']);
  }

  test('is not overwritten by the older row that the snapshot reads', async () => {
    await using pipeline = await openWithSlot({ snapshot: 'never' });
    await whileCommitHangs(pipeline.database, update, async () => {
      const producer = pipeline.start('producer');
      await updateIsInTopic(pipeline);
      await chunkIsDecided(producer);
    });
    await expectEqualAtLast(pipeline);
  });

  test('is not overwritten after a restart either, when it was acknowledged before', async () => {
    await using pipeline = await openWithSlot({ snapshot: 'never' });
    await whileCommitHangs(pipeline.database, update, async () => {
      const first = pipeline.start('producer');
      await updateIsInTopic(pipeline);
      await pipeline.slotConfirms();
      await first.end('SIGKILL');
      await chunkIsDecided(pipeline.start('producer'));
    });
    await expectEqualAtLast(pipeline);
  });

  test('costs only its own rows when it was streamed between the chunks', async () => {
    await using pipeline = await openPipeline({
      sql: ITEMS,
      sinks: { cache: 'redis' },
      source: { snapshotChunkRows: 5 },
    });
    const producer = pipeline.start('producer');
    await snapshotHasRead(producer, 1);
    // The next chunk waits for this lock, so the command comes in time.
    const locking = await pipeline.database.connect();
    await locking.query('BEGIN; LOCK TABLE items');
    await pipeline.tailrace('snapshot', '--pause');
    await until('the snapshot is paused', async () => {
      const { details } = await producer.status('producer');
      return (details['snapshot'] as { paused: boolean } | null)?.paused === true;
    });
    await locking.query('COMMIT');
    const late = `UPDATE items SET n = 77 WHERE id > ${ROWS - 10}; DELETE FROM items WHERE id = ${ROWS - 5}`;
    await whileCommitHangs(pipeline.database, late, async () => {
      await updateIsInTopic(pipeline);
      await pipeline.tailrace('snapshot', '--resume');
      await until(
        'the snapshot is done',
        async () => (await producer.status('producer')).state === 'running',
      );
    });
    pipeline.start('sink', 'cache');
    await pipeline.untilCaughtUp();
    await pipeline.expectEqual(['public.items']);
  });

  test('is not lost when it changed a table before that was added to the pipeline', async () => {
    await using pipeline = await openWithSlot({ tables: ['public.first'] });
    const client = await pipeline.database.connect();
    await client.query(`BEGIN; ${update}`);
    await chunkIsDecided(pipeline.start('producer'));
    await client.query('COMMIT');
    await expectEqualAtLast(pipeline);
  });

  test('keeps a long value that it wrote and then left alone', async () => {
    await using pipeline = await openWithSlot({});
    const producer = pipeline.start('producer');
    await pipeline.untilCaptured();
    const written = `BEGIN; UPDATE long_texts SET body = body || 'new' WHERE id = 2;
      UPDATE long_texts SET n = 1 WHERE id = 2; INSERT INTO long_texts SELECT 9, 0, body FROM long_texts WHERE id = 1;
      UPDATE long_texts SET n = 1 WHERE id = 9; COMMIT`;
    await whileCommitHangs(pipeline.database, written, async () => {
      await longValueIsAskedFor(pipeline);
    });
    expect((await producer.status('producer')).state).toBe('running');
    await expectEqualAtLast(pipeline);
  });

  test('does not keep the producer from stopping cleanly', async () => {
    await using pipeline = await openWithSlot({});
    const producer = pipeline.start('producer');
    await pipeline.untilCaptured();
    const written = `BEGIN; UPDATE long_texts SET body = body || 'new' WHERE id = 2;
      UPDATE long_texts SET n = 1 WHERE id = 2; COMMIT`;
    await whileCommitHangs(pipeline.database, written, async () => {
      await longValueIsAskedFor(pipeline);
      expect(await producer.end('SIGTERM')).toMatchObject({ exitCode: 0 });
    });
    pipeline.start('producer');
    await expectEqualAtLast(pipeline);
  });
});
