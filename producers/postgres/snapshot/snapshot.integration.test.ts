import type pg from 'pg';
import { expect, test, vi } from 'vitest';
import type { Row } from '../../../schemas/value.ts';
import type { TableSchema } from '../../../schemas/table-schema.ts';
import { openSourceDatabase, type SourceDatabase } from '../../../test/pipeline/source-database.ts';
import { POSITION_COLUMN, readTableSchema } from '../tables/catalog.ts';
import { placeKey, type SnapshotTable } from './chunk-query.ts';
import { connectSource } from '../connection.ts';
import { prepareForChunks, readChunk, type ReadChunk } from './snapshot.ts';
import { SNAPSHOT_START, type SnapshotProgress } from './snapshot-progress.ts';
import { readFacts } from './table-facts.ts';
import { readFiles } from '../tables/table-history.ts';

const KEYLESS: TableSchema = {
  schema: 'public',
  name: 'log',
  columns: [
    { name: POSITION_COLUMN, type: 'text', kind: 'text', nullable: false },
    { name: 'n', type: 'integer', kind: 'int4', nullable: true },
  ],
  key: [POSITION_COLUMN],
  foreignKeys: [],
};

async function oidOf(database: SourceDatabase, name: string): Promise<number> {
  const [row] = await database.query<{ oid: number }>('SELECT $1::regclass::oid AS oid', [name]);
  return row?.oid ?? 0;
}

async function openReader(database: SourceDatabase): Promise<pg.Client> {
  const client = await connectSource(database.url, 'tests');
  await prepareForChunks(client);
  return client;
}

/** Reads chunk after chunk until the table is done, at most `chunks`. */
async function readTable(
  client: pg.Client,
  of: SnapshotTable,
  size: number,
  from: SnapshotProgress = SNAPSHOT_START,
  chunks = Infinity,
): Promise<{ rows: Row[]; progress: SnapshotProgress; chunks: number }> {
  const { only } = await readFacts(client, of, undefined);
  const rows: Row[] = [];
  let progress = from;
  let count = 0;
  while (!progress.done && count < chunks) {
    const read = Promise.withResolvers<ReadChunk>();
    await readChunk(client, { pipeline: 't', of, progress, size, byteLimit: 1_000_000, only }, (chunk) => {
      read.resolve(chunk);
      return true;
    });
    const { chunk, next } = await read.promise;
    rows.push(...chunk.rows);
    progress = next;
    count += 1;
  }
  return { rows, progress, chunks: count };
}

test('a table without a key is read by the places of its rows, each once', async () => {
  await using database = await openSourceDatabase();
  await database.query('CREATE TABLE log (n int); INSERT INTO log SELECT generate_series(1, 5000)');
  const client = await openReader(database);
  const of = { oid: await oidOf(database, 'log'), table: KEYLESS };
  const { rows, chunks } = await readTable(client, of, 4);
  expect(chunks).toBeGreaterThan(4);
  const places = await database.query<{ place: string; n: number }>(
    'SELECT ctid::text AS place, n FROM log ORDER BY n',
  );
  expect(rows).toStrictEqual(places.map(({ place, n }) => ({ [POSITION_COLUMN]: placeKey(place), n })));
  await client.end();
});

test('rows that the stream brings are not read from a table without a key, frozen ones are', async () => {
  await using database = await openSourceDatabase();
  await database.query('CREATE TABLE log (n int); INSERT INTO log VALUES (1)');
  await database.query('VACUUM FREEZE log');
  await database.query('INSERT INTO log VALUES (2)');
  const running = await database.connect();
  await running.query('BEGIN; INSERT INTO log VALUES (3)');
  const [then] = await database.query<{ seen: string }>('SELECT pg_current_snapshot()::text AS seen');
  await running.query('COMMIT');
  await database.query('INSERT INTO log VALUES (4)');
  const client = await openReader(database);
  const of = { oid: await oidOf(database, 'log'), table: KEYLESS, visibleIn: then?.seen ?? '' };
  const { rows } = await readTable(client, of, 16);
  expect(rows.map(({ n }) => n)).toStrictEqual([1, 2]);
  await client.end();
});

test('a table without a key that was rewritten is not read on: its places mean nothing any more', async () => {
  await using database = await openSourceDatabase();
  await database.query('CREATE TABLE log (n int); INSERT INTO log SELECT generate_series(1, 5000)');
  const client = await openReader(database);
  const oid = await oidOf(database, 'log');
  const of = { oid, table: KEYLESS, filenode: (await readFiles(client, [oid])).get(oid) ?? null };
  const { progress } = await readTable(client, of, 4, SNAPSHOT_START, 2);
  const request = { pipeline: 't', of, progress, size: 4, byteLimit: 1_000_000, only: true };
  const chunks: ReadChunk[] = [];
  const register = (read: ReadChunk) => chunks.push(read) > 0;
  expect(await readChunk(client, request, register)).toBe('read');
  await database.query('DELETE FROM log WHERE n % 2 = 0');
  await database.query('VACUUM FULL log');
  expect(await readChunk(client, request, register)).toBe('rewritten');
  expect(chunks).toHaveLength(1);
  await client.end();
});

test('a table that has another type of column by now is not read: its texts would be taken for what they are not', async () => {
  await using database = await openSourceDatabase();
  await database.query('CREATE TABLE t (id int8 PRIMARY KEY, v int8); INSERT INTO t VALUES (1, 5), (2, 7)');
  const client = await openReader(database);
  const oid = await oidOf(database, 't');
  const table = await readTableSchema(client, oid);
  if (table === null) throw new Error('there is no t');
  const request = {
    pipeline: 't',
    of: { oid, table },
    progress: SNAPSHOT_START,
    size: 1,
    byteLimit: 1_000_000,
    only: true,
  };
  const register = vi.fn<(read: ReadChunk) => boolean>(() => true);
  expect(await readChunk(client, request, register)).toBe('read');
  await database.query('ALTER TABLE t ALTER COLUMN v TYPE numeric USING v / 3.0');
  expect(await readChunk(client, request, register)).toBe('changed');
  await database.query('ALTER TABLE t DROP COLUMN v');
  await expect(readChunk(client, request, register)).rejects.toMatchObject({ code: '42703' });
  expect(register).toHaveBeenCalledOnce();
  await client.end();
});

test('rows of tables that inherit from it are not read, rows of partitions are', async () => {
  await using database = await openSourceDatabase();
  await database.query(`CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2);
    CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE low PARTITION OF root FOR VALUES FROM (0) TO (3);
    CREATE TABLE high PARTITION OF root FOR VALUES FROM (3) TO (9);
    INSERT INTO root SELECT generate_series(1, 6)`);
  const client = await openReader(database);
  const read = async (name: string) => {
    const oid = await oidOf(database, name);
    const table = await readTableSchema(client, oid);
    if (table === null) throw new Error(`there is no ${name}`);
    const { rows } = await readTable(client, { oid, table }, 2);
    return rows.map(({ id }) => id);
  };
  expect(await read('parent')).toStrictEqual([1]);
  expect(await read('root')).toStrictEqual([1, 2, 3, 4, 5, 6]);
  await client.end();
});

test('a table that is rewritten while a chunk waits for it does not look empty', async () => {
  await using database = await openSourceDatabase();
  await database.query(
    'CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT g, g FROM generate_series(1, 3) g',
  );
  const client = await openReader(database);
  const oid = await oidOf(database, 't');
  const table = await readTableSchema(client, oid);
  if (table === null) throw new Error('there is no t');
  const rewriting = await database.connect();
  await rewriting.query('BEGIN; ALTER TABLE t ADD COLUMN token uuid DEFAULT gen_random_uuid()');
  const reading = readTable(client, { oid, table }, 10);
  await expect
    .poll(async () => {
      const waiting = await database.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
      );
      return waiting.length;
    })
    .toBe(1);
  await rewriting.query('COMMIT');
  expect((await reading).rows).toHaveLength(3);
  await client.end();
});

test('a chunk is cut where its rows are wider than they were, and the next goes on there', async () => {
  await using database = await openSourceDatabase();
  await database.query(`CREATE TABLE t (id int PRIMARY KEY, body text);
    INSERT INTO t SELECT g, repeat('x', 300000) FROM generate_series(1, 20) g`);
  const client = await openReader(database);
  const oid = await oidOf(database, 't');
  const table = await readTableSchema(client, oid);
  if (table === null) throw new Error('there is no t');
  const { rows, chunks } = await readTable(client, { oid, table }, 100);
  expect(rows.map(({ id }) => id)).toStrictEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(chunks).toBe(5);
  await client.end();
});

test('a table whose rows a policy hides is an error, not a table with fewer rows', async () => {
  await using database = await openSourceDatabase();
  const role = `reader_${database.name}`;
  await database.query(`CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
    CREATE ROLE ${role}; GRANT SELECT ON t TO ${role}`);
  const client = await openReader(database);
  try {
    const oid = await oidOf(database, 't');
    const table = await readTableSchema(client, oid);
    if (table === null) throw new Error('there is no t');
    await client.query(`SET ROLE ${role}`);
    await expect(readTable(client, { oid, table }, 10)).rejects.toThrow('row-level security');
  } finally {
    await client.end();
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

test('a partitioned table without a key is refused', async () => {
  await using database = await openSourceDatabase();
  await database.query('CREATE TABLE log (n int) PARTITION BY RANGE (n)');
  const client = await openReader(database);
  const of = { oid: await oidOf(database, 'log'), table: KEYLESS };
  await expect(readFacts(client, of, undefined)).rejects.toMatchObject({ code: 'TABLE_WITHOUT_KEY' });
  await client.end();
});
