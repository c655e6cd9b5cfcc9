import { afterAll, beforeAll, expect, test } from 'vitest';
import { STORE_TYPES } from '../../examples/equality/reader.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

/** The name of one begins with that of another, and two hang together by a foreign key. */
const NAMES = ['truncated_buyer', 'truncated_order', 'truncated_order_old'];
const TABLES = NAMES.map((name) => `public.${name}`);
const SINKS = Object.fromEntries(STORE_TYPES.map((type) => [type, type]));
const sinkNames = Object.keys(SINKS);

const WRITERS = 3;
const TRANSACTIONS = 120;

let pipeline: Pipeline;
let sinks: Worker;

beforeAll(async () => {
  pipeline = await openPipeline({
    sinks: SINKS,
    tables: NAMES,
    sql: `
      CREATE TABLE truncated_buyer (id int PRIMARY KEY, name text);
      CREATE TABLE truncated_order (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        buyer int REFERENCES truncated_buyer, note text);
      CREATE TABLE truncated_order_old (id int, part text, note text, PRIMARY KEY (part, id));
      INSERT INTO truncated_buyer SELECT n, 'buyer ' || n FROM generate_series(1, 50) n;
      INSERT INTO truncated_order (buyer, note) SELECT n % 50 + 1, 'order ' || n FROM generate_series(1, 2000) n;
      INSERT INTO truncated_order_old SELECT n, 'x:' || n % 3, 'kept' FROM generate_series(1, 500) n`,
  });
  pipeline.start('producer');
  sinks = pipeline.start('sink', ...sinkNames);
  await pipeline.untilCaughtUp();
});

afterAll(() => pipeline[Symbol.asyncDispose]());

async function expectAllEqual(): Promise<void> {
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(TABLES);
}

async function countOf(table: string): Promise<number> {
  const [row] = await pipeline.database.query<{ count: string }>(`SELECT count(*) FROM ${table}`);
  return Number(row?.count);
}

test('a truncate empties one table in all five stores, and a neighbour keeps its rows', async () => {
  await expectAllEqual();
  await pipeline.database.query('TRUNCATE truncated_order');
  await expectAllEqual();
  expect(await countOf('truncated_order_old')).toBe(500);
});

test('truncates between, before and after changes of one transaction end equal, and one that is rolled back does nothing', async () => {
  await pipeline.database.query(`
    INSERT INTO truncated_order (buyer, note) SELECT 1, 'before' FROM generate_series(1, 300);
    TRUNCATE truncated_order;
    INSERT INTO truncated_order (buyer, note) SELECT 2, 'between' FROM generate_series(1, 200);
    TRUNCATE truncated_order RESTART IDENTITY;
    INSERT INTO truncated_order (buyer, note) SELECT 3, 'after' FROM generate_series(1, 100)`);
  const other = await pipeline.database.connect();
  await other.query('BEGIN');
  await other.query('TRUNCATE truncated_order, truncated_order_old');
  await other.query('ROLLBACK');
  await expectAllEqual();
  expect(await countOf('truncated_order')).toBe(100);
});

test('a truncate that cascades empties both tables', async () => {
  await pipeline.database.query(`
    TRUNCATE truncated_buyer CASCADE;
    INSERT INTO truncated_buyer SELECT n, 'again ' || n FROM generate_series(1, 20) n;
    INSERT INTO truncated_order (buyer, note) SELECT n % 20 + 1, 'again' FROM generate_series(1, 40) n`);
  await expectAllEqual();
  expect(await countOf('truncated_order')).toBe(40);
});

test('truncates under traffic of several writers end equal in all five stores', async () => {
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeWithTruncates(writer)));
  expect(await countOf('truncated_order')).toBeGreaterThan(0);
  await expectAllEqual();
});

test('sinks that are killed while truncates are on their way end equal', async () => {
  const killTwice = async () => {
    for (const name of ['mongodb', 'neo4j']) {
      await until(
        `sink ${name} has applied something`,
        async () => Number((await sinks.status(`sink/${name}`)).details['appliedEvents']) > 0,
      );
      await sinks.end('SIGKILL');
      sinks = pipeline.start('sink', ...sinkNames);
    }
  };
  await Promise.all([
    killTwice(),
    ...Array.from({ length: WRITERS }, (_, writer) => writeWithTruncates(writer)),
  ]);
  await expectAllEqual();
});

test('a replay of each sink from the beginning after truncates ends equal', async () => {
  await sinks.end('SIGTERM');
  await pipeline.admin.deleteGroups(sinkNames.map((name) => `${pipeline.name}.${name}`));
  await pipeline.database.query(`INSERT INTO truncated_order (buyer, note) VALUES (1, 'while stopped')`);
  sinks = pipeline.start('sink', ...sinkNames);
  await expectAllEqual();
});

async function writeWithTruncates(writer: number): Promise<void> {
  const client = await pipeline.database.connect();
  for (let number = 0; number < TRANSACTIONS; number++) {
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO truncated_order (buyer, note) SELECT n % 20 + 1, 'w${writer} ' || n FROM generate_series(1, 10) n`,
    );
    // Each writer has rows of its own, so that no two wait for each other.
    await client.query(
      `UPDATE truncated_order SET note = note || '!' WHERE id % 7 = $1 AND id % ${WRITERS} = $2`,
      [number % 7, writer],
    );
    await client.query(`DELETE FROM truncated_order WHERE id % 11 = $1 AND id % ${WRITERS} = $2`, [
      number % 11,
      writer,
    ]);
    await client.query('COMMIT');
    if (writer === 0 && number % 25 === 10) await client.query('TRUNCATE truncated_order');
  }
}
