import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTableSchema } from '../../producers/postgres/tables/catalog.ts';
import { connectSource } from '../../producers/postgres/connection.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import { openSourceDatabase, type SourceDatabase } from '../pipeline/source-database.ts';
import { sampleColumn, TYPE_SAMPLES, TYPES_SQL } from './samples.ts';

describe('the samples on a real server', () => {
  let database: SourceDatabase;

  beforeAll(async () => {
    database = await openSourceDatabase();
    await database.query(TYPES_SQL);
  });

  afterAll(() => database[Symbol.asyncDispose]());

  async function schemaOf(table: string): Promise<TableSchema | null> {
    const [row] = await database.query<{ oid: string }>('SELECT $1::regclass::oid::text AS oid', [table]);
    const client = await connectSource(database.url, 'tests');
    try {
      return await readTableSchema(client, Number(row?.oid));
    } finally {
      await client.end();
    }
  }

  test('the catalogue gives every type the kind, precision and scale that the page of types has', async () => {
    const columns = TYPE_SAMPLES.map(({ type }, index) => `c${index} ${type}`);
    await database.query(`CREATE TABLE samples (id int PRIMARY KEY, ${columns.join(', ')})`);
    const schema = await schemaOf('samples');
    const found = schema?.columns.slice(1).map(({ kind, precision, scale }, index) => {
      return { sample: TYPE_SAMPLES[index]?.type, kind, precision, scale };
    });
    const expected = TYPE_SAMPLES.map((sample) => {
      const { kind, precision, scale } = sampleColumn(sample);
      return { sample: sample.type, kind, precision, scale };
    });
    expect(found).toEqual(expected);
  });

  test('every base type, range and multirange of Postgres has a sample', async () => {
    const missing = await database.query<{ type: string }>(
      `SELECT typname AS type FROM pg_type t
        WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typname !~ '^_'
          -- Those that no column can have or that only the server itself makes.
          AND typname !~ '^pg_(ndistinct|dependencies|mcv_list|brin_|node_tree|ddl_command)' AND typname NOT IN ('gtsvector', 'txid_snapshot')
          AND oid <> ALL ($1::regtype[])
        ORDER BY 1`,
      [TYPE_SAMPLES.map(({ type }) => type)],
    );
    expect(missing.map(({ type }) => type)).toEqual([]);
  });

  test("a user's type with the name of a built-in one is not taken for it", async () => {
    await database.query(`
      CREATE SCHEMA odd;
      CREATE TYPE odd.timestamptz AS (x int); CREATE TYPE odd.bytea AS (x int); CREATE TYPE odd.int8 AS RANGE (subtype = float8);
      CREATE DOMAIN odd.jsonb AS date; CREATE TYPE odd.numeric AS ENUM ('1');
      CREATE TABLE odd.one (id int PRIMARY KEY, a odd.timestamptz, b odd.bytea, c odd.int8, d odd.jsonb, e odd.numeric)`);
    const schema = await schemaOf('odd.one');
    expect(schema?.columns.map(({ kind }) => kind)).toEqual([
      'int4',
      'other',
      'other',
      'other',
      'date',
      'enum',
    ]);
  });
});
