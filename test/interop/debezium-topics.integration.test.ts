import { setTimeout as pace } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openConnect, type Connect } from './connectors.ts';
import { openDebezium, type DebeziumOptions, type DebeziumPipeline } from './debezium-pipeline.ts';

let connect: Connect;

beforeAll(async () => {
  connect = await openConnect();
}, 300_000);

afterAll(() => connect?.[Symbol.asyncDispose]());

/** What Debezium can tell exactly; docs/debezium.md lists what it cannot. */
const SQL = `
  CREATE TYPE mood AS ENUM ('sad', 'très bien');
  CREATE TABLE kinds (
    id int PRIMARY KEY, flag boolean, small int2, big int8, amount numeric, price numeric(20, 4), rounded numeric(5, -2),
    single float4, double float8, word text, short varchar(10), fixed char(4), uid uuid, mood mood, day date, at timestamp,
    at_ms timestamp(3), atz timestamptz, clock time, clock_ms time(3), span interval, bytes bytea, doc json, docb jsonb, tags text[],
    days date[], stamps timestamptz[], prices numeric(10, 2)[], flags boolean[], blobs bytea[], spread int4range, address inet,
    bits bit(5), spot point);
  CREATE TABLE pairs (b int, a text, note text, PRIMARY KEY (a, b));
  CREATE TABLE texts (id int PRIMARY KEY, body text, count int);`;

function insertKinds(id: number): string {
  return `INSERT INTO kinds VALUES
    (${id}, true, -32768, 9223372036854775807, 12345678901234567890.1234567890123456789, 12.5, 12345, 1.1, 0.1,
     E'Grüße "x" \\\\ 😀\\n', 'abc', 'ab', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'sad', '2024-02-29',
     '2024-02-29 12:00:00.123456', '2024-02-29 12:00:00.123', '2024-02-29 12:00:00.5+05:30', '23:59:59.999999', '12:34:56.789',
     '04:05:06.789', '\\x00ff10', '{"b": 1, "a": 9007199254740993}', '{"b": 1, "a": 9007199254740993.10}', '{a,"b c",NULL,"null",""}',
     '{2024-02-29}', '{2024-02-29 12:00:00.5+02}', '{1.5,NULL,-2.25}', '{t,f}', '{"\\\\x00ff"}', '[1,10]', '10.0.0.0/8',
     B'00110', '(1.5,-2)'),
    (${id + 1}, false, 32767, -9223372036854775808, -0.000001, -0.0001, -100, '-Infinity', 'NaN', '', ' ', 'abcd',
     '00000000-0000-0000-0000-000000000000', 'très bien', '1000-01-01', 'infinity', '1999-12-31 23:59:59', 'infinity', '24:00:00',
     '00:00:00', '0', '', 'null', '[]', '{}', '{}', '{}', '{}', '{}', '{}', 'empty', '::1', B'00000', '(0,0)');
    INSERT INTO kinds (id) VALUES (${id + 2});`;
}

const TABLES = ['kinds', 'pairs', 'texts'];
const QUALIFIED = TABLES.map((name) => `public.${name}`);

async function opened(options: Omit<DebeziumOptions, 'sql' | 'tables'>): Promise<DebeziumPipeline> {
  const pipeline = await openDebezium(connect, { sql: SQL, tables: TABLES, ...options });
  onTestFinished(() => pipeline[Symbol.asyncDispose]());
  return pipeline;
}

/** Rows before the snapshot, then changes of every kind in the stream, compared after both. */
async function endsEqual(pipeline: DebeziumPipeline): Promise<void> {
  const { database } = pipeline;
  await database.query(insertKinds(1));
  await database.query(`INSERT INTO pairs SELECT i, 'p:' || i, 'old' FROM generate_series(1, 50) i`);
  await database.query(
    `INSERT INTO texts SELECT 1, string_agg(md5(i::text), ''), 1 FROM generate_series(1, 500) i`,
  );
  await pipeline.capture();
  pipeline.startSinks();
  await pipeline.untilEqual(QUALIFIED);
  await database.query(insertKinds(11));
  await database.query(`UPDATE kinds SET word = 'changed', small = 7 WHERE id = 1`);
  await database.query(`UPDATE pairs SET note = note || b WHERE b < 20`);
  await database.query(`UPDATE pairs SET b = b + 1000 WHERE b BETWEEN 10 AND 15`);
  await database.query(`DELETE FROM pairs WHERE b BETWEEN 30 AND 40`);
  await database.query(`UPDATE texts SET count = count + 1`);
  await pipeline.untilEqual(QUALIFIED);
}

test('topics of Debezium in JSON with schemas end equal to Postgres, after the snapshot and the stream', async () => {
  const pipeline = await opened({
    stores: ['mongodb', 'redis', 'clickhouse'],
    config: (url) => ({ source: { url, tables: ['public.*'] } }),
    connector: { 'interval.handling.mode': 'string' },
  });
  await endsEqual(pipeline);
  // A changed shape: old and new rows are read side by side, also when all is read again.
  await pipeline.database.query('ALTER TABLE pairs ADD extra bigint DEFAULT 9007199254740993, DROP note');
  await pipeline.database.query(`INSERT INTO pairs (b, a) SELECT i, 'new' FROM generate_series(1, 9) i`);
  await pipeline.database.query(`UPDATE pairs SET extra = b WHERE a <> 'new'`);
  await pipeline.untilEqual(QUALIFIED);
  await pipeline.database.query('TRUNCATE pairs');
  await pipeline.database.query(`INSERT INTO pairs (b, a) VALUES (1, 'after')`);
  await pipeline.untilEqual(QUALIFIED);
  expect(await pipeline.database.query('SELECT FROM pairs')).toHaveLength(1);
}, 240_000);

test('topics in JSON without schemas end equal to Postgres, with the types from its catalogue', async () => {
  const pipeline = await opened({
    stores: ['mongodb', 'elasticsearch', 'neo4j'],
    config: (url) => ({ source: { url, tables: ['public.*'] } }),
    connector: Object.fromEntries(
      ['key', 'value'].flatMap((part) => [
        [`${part}.converter`, 'org.apache.kafka.connect.json.JsonConverter'],
        [`${part}.converter.schemas.enable`, 'false'],
      ]),
    ) as Record<string, string>,
  });
  await endsEqual(pipeline);
  await pipeline.database.query('ALTER TABLE pairs ADD extra bigint DEFAULT 9007199254740993, DROP note');
  await pipeline.database.query(`INSERT INTO pairs (b, a) SELECT i, 'new' FROM generate_series(1, 9) i`);
  await pipeline.database.query(`UPDATE pairs SET extra = b WHERE a <> 'new'`);
  await pipeline.untilEqual(QUALIFIED);
}, 240_000);

test('topics in Avro end equal to Postgres', async () => {
  const registry = process.env['REGISTRY_URL'];
  if (registry === undefined)
    throw new Error('this test needs a schema registry: set REGISTRY_URL, or run it with `npm test`');
  const converters = ['key', 'value'].flatMap((part) => [
    [`${part}.converter`, 'io.apicurio.registry.utils.converter.AvroConverter'],
    [`${part}.converter.apicurio.registry.url`, new URL('/apis/registry/v2', registry).href],
    [`${part}.converter.apicurio.registry.auto-register`, 'true'],
    [`${part}.converter.apicurio.registry.find-latest`, 'true'],
    [`${part}.converter.apicurio.registry.headers.enabled`, 'false'],
    [`${part}.converter.apicurio.registry.as-confluent`, 'true'],
    [`${part}.converter.apicurio.registry.use-id`, 'contentId'],
  ]);
  const pipeline = await opened({
    stores: ['mongodb', 'redis', 'clickhouse'],
    config: (url) => ({ source: { url, tables: ['public.*'] }, registry: { url: registry } }),
    connector: {
      ...(Object.fromEntries(converters) as Record<string, string>),
      // A schema's name may not have all characters that a topic's has.
      'schema.name.adjustment.mode': 'avro',
      'field.name.adjustment.mode': 'avro',
    },
  });
  await endsEqual(pipeline);
}, 240_000);

test('a large value that Debezium does not tell stops a sink that cannot ask the database, and is never written', async () => {
  const pipeline = await opened({ stores: ['redis'] });
  const { database } = pipeline;
  await database.query(
    `INSERT INTO texts SELECT 1, string_agg(md5(i::text), ''), 1 FROM generate_series(1, 500) i`,
  );
  await pipeline.capture();
  const sinks = pipeline.startSinks();
  await pipeline.untilEqual(['public.texts']);
  await database.query('UPDATE texts SET count = 2');
  const { exitCode, stderr } = await sinks.ended;
  expect(exitCode).toBe(1);
  expect(stderr).toContain('EVENT_INCOMPLETE');
  expect(stderr).toContain('of public.texts does not tell body');
  await database.query('UPDATE texts SET count = 1');
  // The store still holds what it held.
  await pipeline.untilEqual(['public.texts']);
}, 120_000);

test('changes of many sessions during the snapshot, a restart of the connector and a replay end equal', async () => {
  const pipeline = await opened({ stores: ['redis', 'clickhouse'] });
  const { database } = pipeline;
  await database.query(`INSERT INTO pairs SELECT i, 'p' || i % 7, 'old' FROM generate_series(1, 2000) i`);
  const stop = new AbortController();
  const sessions = [1, 2, 3, 4].map((session) => changeAtRandom(pipeline, session, stop.signal));
  await pipeline.capture();
  const first = pipeline.startSinks();
  await pace(3_000);
  await pipeline.endCapture();
  await pace(500);
  await pipeline.capture();
  await pace(2_000);
  stop.abort();
  await Promise.all(sessions);
  await pipeline.untilEqual(['public.pairs']);
  await first.end('SIGTERM');
  await pipeline.forgetOffsets();
  await database.query(`DELETE FROM pairs WHERE b % 5 = 0`);
  pipeline.startSinks();
  await pipeline.untilEqual(['public.pairs']);
}, 240_000);

/** Transactions of some statements that stay open for a while, so that they overlap with each other and the snapshot. */
async function changeAtRandom(
  { database }: DebeziumPipeline,
  session: number,
  signal: AbortSignal,
): Promise<void> {
  const client = await database.connect();
  for (let step = 0; !signal.aborted; step++) {
    const id = 1 + ((step * 37 + session * 11) % 60);
    await client.query('BEGIN');
    await client.query(`UPDATE pairs SET note = $1 WHERE b = $2`, [`s${session}.${step}`, id]);
    await pace(5);
    if (step % 5 === 0) await client.query('DELETE FROM pairs WHERE b = $1', [id]);
    await client.query(
      `INSERT INTO pairs VALUES ($1, 'n' || $2::text, 'new') ON CONFLICT (a, b) DO UPDATE SET note = excluded.note`,
      [id + session * 10_000, String(step % 3)],
    );
    await client.query(step % 9 === 0 ? 'ROLLBACK' : 'COMMIT');
  }
}
