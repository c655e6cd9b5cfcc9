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
  // Rows deleted meanwhile may have been read before or not at all; only the chunk of the kill can have come twice.
  const read = count(await events(pipeline, 'public.items'), 'r');
  expect(read).toBeGreaterThanOrEqual(left.length);
  expect(read).toBeLessThanOrEqual(ROWS + CHUNK_ROWS);
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

  /** Waits until the snapshot has read a chunk and has decided what to make of it: it reads the chunk again, or is done. */
  async function chunkIsDecided(pipeline: Pipeline, producer: Worker): Promise<void> {
    const watermarks = new Set<string>();
    await until('a chunk is read again and again, or the snapshot is done', async () => {
      const [last] = await pipeline.database.query<{ at: string }>(
        `SELECT query_start::text AS at FROM pg_stat_activity
          WHERE application_name = $1 AND query LIKE '%pg_logical_emit_message%'`,
        [`tailrace ${pipeline.name} snapshot`],
      );
      if (last !== undefined) watermarks.add(last.at);
      return watermarks.size > 4 || (await producer.status('producer')).state === 'running';
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
      await chunkIsDecided(pipeline, producer);
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
      await chunkIsDecided(pipeline, pipeline.start('producer'));
    });
    await expectEqualAtLast(pipeline);
  });

  test('is not lost when it changed a table before that was added to the pipeline', async () => {
    await using pipeline = await openWithSlot({ tables: ['public.first'] });
    const client = await pipeline.database.connect();
    await client.query(`BEGIN; ${update}`);
    await chunkIsDecided(pipeline, pipeline.start('producer'));
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
