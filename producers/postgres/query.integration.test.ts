import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Question } from '../../core/query.ts';
import { openSourceDatabase, type SourceDatabase } from '../../test/pipeline/source-database.ts';
import { question } from '../../test/question.ts';
import { querySource } from './query.ts';

let database: SourceDatabase;
const ask = (text: string, more?: Partial<Question>) => querySource(database.url, question(text, more));

beforeAll(async () => {
  database = await openSourceDatabase();
  await database.query(`
    CREATE TABLE t (n int);
    INSERT INTO t VALUES (1);
    CREATE FUNCTION sneak() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (2); RETURN 1; END $$;`);
});
afterAll(() => database[Symbol.asyncDispose]());

test('values come with all their digits', async () => {
  const { columns, rows } = await ask(
    `SELECT 9223372036854775807 AS big, 7::int2 AS i, 1.10 AS d, NULL AS z, '' AS e, 0.1::float8 AS f, 'nan'::float4 AS n,
       true AS b, '\\xff00'::bytea AS raw, '{"a": 12345678901234567890.10}'::jsonb AS j, '{1,NULL}'::int[] AS l, 1 AS big`,
  );
  expect(columns).toEqual(['big', 'i', 'd', 'z', 'e', 'f', 'n', 'b', 'raw', 'j', 'l', 'big']);
  const json = { json: '{"a": 12345678901234567890.10}' };
  expect(rows).toEqual([
    [9223372036854775807n, 7, '1.10', null, '', 0.1, NaN, true, '\\xff00', json, '{1,NULL}', 1],
  ]);
});

test('tables are found by the search path of the role, and an answer without rows has its columns', async () => {
  expect(await ask('SELECT n FROM t WHERE false')).toEqual({ columns: ['n'], rows: [], truncated: false });
  expect((await ask('SHOW server_version_num')).rows).toHaveLength(1);
  expect((await ask('EXPLAIN SELECT * FROM t')).columns).toEqual(['QUERY PLAN']);
});

test('rows beyond the limit are left away, and the query is cancelled there', async () => {
  expect(await ask('SELECT generate_series(1, 1000000000000) AS n', { maxRows: 2 })).toEqual({
    columns: ['n'],
    rows: [[1], [2]],
    truncated: true,
  });
  expect(await ask('SELECT generate_series(1, 2)', { maxRows: 2 })).toMatchObject({ truncated: false });
});

test.each([
  'INSERT INTO t VALUES (3)',
  'DROP TABLE t',
  'SELECT sneak()',
  'WITH gone AS (DELETE FROM t RETURNING n) SELECT * FROM gone',
  "SELECT set_config('transaction_read_only', 'off', true), sneak()",
  'SET TRANSACTION READ WRITE',
  'DO $$ BEGIN SET TRANSACTION READ WRITE; INSERT INTO t VALUES (3); END $$',
  'DO $$ BEGIN COMMIT; INSERT INTO t VALUES (3); END $$',
  'COMMIT; DELETE FROM t',
  'COPY t FROM STDIN',
])('%s changes nothing without `write`', async (statement) => {
  await expect(ask(statement)).rejects.toMatchObject({ code: expect.stringMatching(/^QUERY_/) as string });
  expect(await database.query('SELECT n FROM t')).toEqual([{ n: 1 }]);
});

test('with `write` a statement is done whole, and also one that refuses a transaction', async () => {
  const made = 'CREATE TABLE made AS SELECT generate_series(1, 5) AS n';
  expect(await ask(made, { write: true })).toMatchObject({ rows: [] });
  expect(await ask('DELETE FROM made RETURNING n', { write: true, maxRows: 2 })).toMatchObject({
    truncated: true,
  });
  await ask('VACUUM made', { write: true });
  expect(await database.query('SELECT * FROM made')).toEqual([]);
});

test('a bad statement is told in the words of Postgres, with its place', async () => {
  await expect(ask('SELEC 1')).rejects.toMatchObject({
    code: 'QUERY_FAILED',
    message: 'Postgres: syntax error at or near "SELEC" (at character 1)',
  });
  await expect(ask('SELECT n / 0 FROM t')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
});

test('a slow statement ends with the limit of the server, or is cancelled by the signal', async () => {
  await expect(ask('SELECT pg_sleep(60)', { timeoutMs: 300 })).rejects.toMatchObject({
    code: 'QUERY_FAILED',
  });
  const stop = new AbortController();
  const asked = ask('SELECT pg_sleep(60)', { signal: stop.signal });
  setImmediate(() => stop.abort());
  await expect(asked).rejects.toThrow();
});

test('a login that is refused is no matter of the question', async () => {
  const url = new URL(database.url);
  url.pathname = '/nope_nope';
  await expect(querySource(url.href, question('SELECT 1'))).rejects.toMatchObject({
    code: 'SOURCE_AUTH_FAILED',
  });
});
