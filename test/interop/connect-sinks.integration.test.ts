import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MongoClient, type Document } from 'mongodb';
import { parse, stringify } from 'yaml';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openPipeline, type Pipeline, type PipelineOptions } from '../pipeline/harness.ts';
import { until } from '../pipeline/until.ts';
import { openConnect, type Connect } from './connectors.ts';
import { openMongodb, type OpenMongodb } from './open-mongodb.ts';

let connect: Connect;
let server: OpenMongodb;
let mongodb: MongoClient;

beforeAll(async () => {
  connect = await openConnect();
  server = await openMongodb();
  mongodb = await new MongoClient(server.url).connect();
}, 300_000);

afterAll(async () => {
  await mongodb?.close();
  await server?.[Symbol.asyncDispose]();
  await connect?.[Symbol.asyncDispose]();
});

const SQL = `
  CREATE TABLE items (id bigint PRIMARY KEY, name text, price numeric(10, 2), at timestamptz, doc jsonb);
  CREATE TABLE pairs (a text, b int, note text, PRIMARY KEY (a, b));
  INSERT INTO items SELECT i, 'item ' || i, i + 0.5, '2024-02-29 12:00:00+00', '{"a": 1}' FROM generate_series(1, 100) i;
  INSERT INTO pairs SELECT 'p', i, 'old' FROM generate_series(1, 20) i`;

async function opened(options: PipelineOptions & { readonly jsonSchemas?: boolean } = {}): Promise<Pipeline> {
  const pipeline = await openPipeline({ sql: SQL, ...options });
  onTestFinished(() => pipeline[Symbol.asyncDispose]());
  const config = parse(readFileSync(pipeline.configFile, 'utf8')) as { kafka: Record<string, unknown> };
  config.kafka['jsonSchemas'] = options.jsonSchemas ?? false;
  writeFileSync(pipeline.configFile, stringify(config));
  pipeline.start('producer');
  await pipeline.untilCaptured();
  return pipeline;
}

/** MongoDB's own sink connector with its handler for Debezium's Postgres topics, into a database of the pipeline's name. */
async function sinkIntoMongodb(
  pipeline: Pipeline,
  tables: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<(table: string) => Promise<Document[]>> {
  const name = `mongo-${pipeline.name}`;
  onTestFinished(async () => {
    await connect.remove(name);
    await mongodb.db(pipeline.name).dropDatabase();
  });
  await connect.create(name, {
    'connector.class': 'com.mongodb.kafka.connect.MongoSinkConnector',
    'connection.uri': server.url,
    database: pipeline.name,
    topics: tables.map((table) => `${pipeline.name}.public.${table}`).join(','),
    'change.data.capture.handler':
      'com.mongodb.kafka.connect.sink.cdc.debezium.rdbms.postgres.PostgresHandler',
    ...settings,
  });
  return (table) => mongodb.db(pipeline.name).collection(`${pipeline.name}.public.${table}`).find().toArray();
}

/** The connector commits in its own time, so the documents are looked at until they are the rows. */
async function untilSame(rows: readonly object[], read: () => Promise<readonly object[]>): Promise<void> {
  let found: readonly object[] = [];
  await until(
    () => `the documents are the rows; they are ${JSON.stringify(found).slice(0, 3000)}`,
    async () => {
      found = await read();
      return JSON.stringify(found) === JSON.stringify(rows);
    },
    30_000,
  );
}

/** Connect ignores settings of a converter that the connector does not name itself. */
function converters(hasSchemas: boolean): Record<string, string> {
  const json = 'org.apache.kafka.connect.json.JsonConverter';
  const enable = String(hasSchemas);
  return {
    'key.converter': json,
    'key.converter.schemas.enable': enable,
    'value.converter': json,
    'value.converter.schemas.enable': enable,
  };
}

test.each([
  ['without', false],
  ['with', true],
])(
  "MongoDB's sink connector ends with the rows of Postgres, from JSON %s schemas",
  async (_, jsonSchemas) => {
    const pipeline = await opened({ jsonSchemas });
    const { database } = pipeline;
    const documents = await sinkIntoMongodb(pipeline, ['items', 'pairs'], converters(jsonSchemas));
    await database.query(`UPDATE items SET name = 'changed' WHERE id % 3 = 0`);
    await database.query(`INSERT INTO items VALUES (9007199254740993, NULL, NULL, NULL, NULL)`);
    await database.query('DELETE FROM items WHERE id BETWEEN 40 AND 50');
    await database.query('UPDATE items SET id = id + 1000 WHERE id BETWEEN 1 AND 5');
    await database.query(`UPDATE pairs SET b = b + 100, note = 'moved' WHERE b > 15`);
    await database.query(`DELETE FROM pairs WHERE b = 1`);
    await pipeline.untilCaptured();
    const items = await database.query('SELECT id::text, name FROM items ORDER BY items.id');
    const pairs = await database.query('SELECT * FROM pairs ORDER BY b');
    expect(items).toHaveLength(90);
    await untilSame(items, async () =>
      (await documents('items'))
        .map(({ _id, name }) => ({ id: String((_id as unknown as Document)['id']), name: name as unknown }))
        .toSorted((left, right) => Number(left.id) - Number(right.id)),
    );
    await untilSame(pairs, async () =>
      (await documents('pairs'))
        .map(({ _id, note }): Document => ({ ...(_id as unknown as Document), note: String(note) }))
        .toSorted((left, right) => Number(left['b']) - Number(right['b'])),
    );
  },
  120_000,
);

test("Debezium's own transform takes the rows out of the envelope", async () => {
  const pipeline = await opened({ jsonSchemas: true });
  const file = join(mkdtempSync(join(tmpdir(), 'tailrace-connect-file-')), 'rows');
  onTestFinished(() => rmSync(dirname(file), { recursive: true }));
  const name = `file-${pipeline.name}`;
  onTestFinished(() => connect.remove(name));
  await connect.create(name, {
    'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector',
    topics: `${pipeline.name}.public.pairs`,
    file,
    transforms: 'unwrap',
    'transforms.unwrap.type': 'io.debezium.transforms.ExtractNewRecordState',
    'transforms.unwrap.delete.tombstone.handling.mode': 'rewrite',
    ...converters(true),
  });
  await pipeline.database.query(`UPDATE pairs SET note = 'changed' WHERE b = 3`);
  await pipeline.database.query('DELETE FROM pairs WHERE b = 4');
  const lines = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []);
  const has = (line: string) => lines().filter((each) => each === line).length;
  await until(
    () => `the file has the rows; it has\n${lines().join('\n').slice(-2000)}`,
    () =>
      has('Struct{a=p,b=3,note=changed,__deleted=false}') === 1 &&
      lines().some((line) => line.startsWith('Struct{a=p,b=4') && line.endsWith('__deleted=true}')),
    30_000,
  );
  // Twenty rows of the snapshot, one update, one delete.
  expect(lines().filter((line) => line.startsWith('Struct{'))).toHaveLength(22);
}, 120_000);
