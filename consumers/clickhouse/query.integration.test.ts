import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Question } from '../../core/query.ts';
import { addressOf, question, uniqueName } from '../../test/question.ts';
import { optionsSchema } from './config.ts';
import { classify } from './errors.ts';
import { query } from './query.ts';

const url = addressOf('CLICKHOUSE_URL');
const table = uniqueName('query_test');
const ask = (text: string, more?: Partial<Question>) =>
  query(optionsSchema.parse({ url }), question(text, more));

beforeAll(async () => {
  await ask(`CREATE TABLE ${table} (n UInt64) ENGINE = MergeTree ORDER BY n`, { write: true });
});
afterAll(() => ask(`DROP TABLE ${table}`, { write: true }));

test('values come with all their digits', async () => {
  const { columns, rows } = await ask(
    `SELECT toUInt64(18446744073709551615) AS u, 7::Int64 AS i, 1.10::Decimal(9, 2) AS d, NULL AS z, '' AS e, 'a\\nb' AS t,
       0.1 AS f, nan AS n, true AS b, [9007199254740993] AS l, map('k', 1.10::Decimal(9, 2)) AS m,
       toDateTime64('2020-01-01 00:00:00.123456', 6, 'UTC') AS at`,
  );
  expect(columns).toEqual(['u', 'i', 'd', 'z', 'e', 't', 'f', 'n', 'b', 'l', 'm', 'at']);
  expect(rows).toEqual([
    [
      18446744073709551615n,
      7,
      '1.10',
      null,
      '',
      'a\nb',
      { json: '0.1' },
      'nan',
      true,
      { json: '[9007199254740993]' },
      { json: '{"k":"1.10"}' },
      '2020-01-01 00:00:00.123456',
    ],
  ]);
});

test('rows beyond the limit are left away, and only those of the answer itself', async () => {
  expect(await ask('SELECT number FROM system.numbers', { maxRows: 2 })).toEqual({
    columns: ['number'],
    rows: [[0], [1]],
    truncated: true,
  });
  const counts = 'SELECT count() FROM (SELECT number % 7 AS n FROM numbers(1000000) GROUP BY number)';
  expect((await ask(counts, { maxRows: 1 })).rows).toEqual([[1_000_000]]);
  expect((await ask('SELECT 1 WHERE 0')).rows).toEqual([]);
});

test('a statement that writes is refused by the server, and with `write` it is done whole', async () => {
  const insert = `INSERT INTO ${table} SELECT number FROM numbers(200000)`;
  await expect(ask(insert)).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
  await expect(ask(`ALTER TABLE ${table} DELETE WHERE 1`)).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
  await expect(ask(`SELECT 1 SETTINGS readonly = 0`)).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
  expect(await ask(insert, { write: true, maxRows: 1 })).toEqual({ columns: [], rows: [], truncated: false });
  expect((await ask(`SELECT count() FROM ${table}`)).rows).toEqual([[200_000]]);
});

test('a bad statement is told in the words of ClickHouse, also when it fails behind its first rows', async () => {
  const told = (message: RegExp) => ({
    code: 'QUERY_FAILED',
    message: expect.stringMatching(message) as string,
  });
  await expect(ask('SELEC 1')).rejects.toMatchObject(told(/^ClickHouse: Syntax error/));
  await expect(ask('SELECT 1; SELECT 2')).rejects.toMatchObject(told(/Multi-statements/));
  await expect(ask('SELECT 1 FORMAT CSV')).rejects.toMatchObject(told(/leave FORMAT away/));
  await expect(
    ask('SELECT throwIf(number = 1900000) FROM numbers(2000000)', { maxRows: 2_000_000 }),
  ).rejects.toMatchObject(told(/throwIf/));
});

test('a slow statement ends with the limit of the server, or with the signal', async () => {
  const slow = 'SELECT sleepEachRow(1) FROM numbers(100) SETTINGS max_block_size = 1';
  await expect(ask(slow, { write: true, timeoutMs: 1000 })).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  const stop = new AbortController();
  const asked = ask(slow, { write: true, signal: stop.signal });
  stop.abort();
  await expect(asked).rejects.toThrow('abort');
});

test('a login that is refused is no matter of the question', async () => {
  const error: unknown = await query(
    optionsSchema.parse({ url, username: 'nobody', password: 'x' }),
    question('SELECT 1'),
  ).catch((thrown: unknown) => thrown);
  expect(classify(error).code).toBe('SINK_AUTH_FAILED');
});
