import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serverUrl } from './hand-written.ts';
import { open } from './postgres.ts';
import type { Row } from './row.ts';

const schema = `eq_${randomBytes(4).toString('hex')}`;
const url = serverUrl('DATABASE_URL');
const client = new pg.Client({ connectionString: url });

beforeAll(async () => {
  await client.connect();
  await client.query(`
    CREATE SCHEMA ${schema};
    SET search_path = ${schema};
    CREATE DOMAIN price AS numeric(10,2);
    CREATE DOMAIN net_price AS price;
    CREATE TYPE mood AS ENUM ('so so');
    CREATE TABLE other (id int PRIMARY KEY);
    CREATE TABLE "Odd ""name""" (
      "b:c" text, dropped int, a int8, cost net_price, feeling mood, twice int8 GENERATED ALWAYS AS (a * 2) STORED,
      at timestamptz(3), list int[], born date, span interval, small float4,
      other_id int CONSTRAINT to_other REFERENCES other (id),
      PRIMARY KEY (a, "b:c")
    );
    ALTER TABLE "Odd ""name""" DROP COLUMN dropped;
    INSERT INTO "Odd ""name""" VALUES
      ('x', 9007199254740993, 1.50, 'so so', DEFAULT, '0044-03-15 12:00:00.5Z BC', '{1,NULL}', '-infinity', '1 day', 0.1),
      ('y', -1, 'NaN', NULL, DEFAULT, 'infinity', NULL, '0044-03-15 BC', NULL, 'NaN')`);
});

afterAll(async () => {
  await client.query(`DROP SCHEMA ${schema} CASCADE`);
  await client.end();
});

test('a table is described as its catalogue has it', async () => {
  const reader = await open(url);
  const table = await reader.describe(`${schema}.Odd "name"`);
  await reader.close();
  expect(table.key.map((column) => column.name)).toEqual(['a', 'b:c']);
  expect(table.columns.map(({ name, family }) => `${name} ${family}`)).toEqual([
    'b:c text',
    'a integer',
    'cost numeric',
    'feeling text',
    'at timestamptz',
    'list text',
    'born date',
    'span text',
    'small float4',
    'other_id integer',
  ]);
  expect(table.columns.find(({ name }) => name === 'at')?.precision).toBe(3);
  expect(table.foreignKeys).toMatchObject([
    { name: 'to_other', column: 'other_id', schema, table: 'other', referencedColumn: 'id' },
  ]);
});

test('rows are read whole, and again by their keys', async () => {
  const reader = await open(url);
  const table = await reader.describe(`${schema}.Odd "name"`);
  const rows: Row[] = [];
  for await (const page of reader.rows(table)) rows.push(...page);
  const stranger = { id: JSON.stringify(['no number', 'x']), texts: [] };
  const again = await reader.pick(table, [stranger, ...rows.map((row) => row.key)]);
  await reader.close();
  expect(rows.map((row) => row.columns)).toEqual([
    ['x', '9007199254740993', '1.5', 'so so', '-43-03-15T12:00:00.500000', '{1,NULL}', '-infinity', 'P1D', '0.10000000149011612', null], // prettier-ignore
    ['y', '-1', 'NaN', null, 'infinity', null, '-43-03-15', null, 'NaN', null],
  ]);
  expect(rows[0]?.key).toEqual({ id: '["9007199254740993","x"]', texts: ['9007199254740993', 'x'] });
  expect(again).toEqual(rows);
});

test('settings of the role and types of an extension change neither the texts nor what is found by its key', async () => {
  await client.query(`
    CREATE TYPE ${schema}.date AS ENUM ('today'); CREATE TYPE ${schema}.pair AS (n int, word text);
    CREATE TABLE ${schema}.settings (key ${schema}.pair, code char(4), bits bit(3), day ${schema}.date, of regclass, price money, "constructor" text, "__proto__" text,
                                     PRIMARY KEY (key, code, bits, day));
    INSERT INTO ${schema}.settings VALUES ('(1,a)', 'ab', '101', 'today', '${schema}.other', 12.5, 'c', 'p')`);
  const impatient = new URL(url);
  impatient.searchParams.set(
    'options',
    `-c search_path=${schema} -c quote_all_identifiers=on -c statement_timeout=1`,
  );
  const reader = await open(impatient.href);
  const table = await reader.describe(`${schema}.settings`);
  const rows: Row[] = [];
  for await (const page of reader.rows(table)) rows.push(...page);
  const again = await reader.pick(
    table,
    rows.map((row) => row.key),
  );
  await reader.close();
  expect(rows.map((row) => row.columns)).toEqual([
    ['(1,a)', 'ab  ', '101', 'today', `${schema}.other`, '$12.50', 'c', 'p'],
  ]);
  expect(again).toEqual(rows);
});
