import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTableSchema } from '../../producers/postgres/tables/catalog.ts';
import { connectSource } from '../../producers/postgres/connection.ts';
import { valueFromText } from '../../producers/postgres/tables/text-value.ts';
import { avroEncoder, decodeAvroEnvelope, decodeAvroKey } from '../../schemas/avro-codec.ts';
import { avroSchemas } from '../../schemas/avro-schema.ts';
import { compileAvro } from '../../schemas/avro-types.ts';
import type { ChangeEvent } from '../../schemas/change-event.ts';
import type { DecodedEnvelope, EncodedEvent } from '../../schemas/envelope.ts';
import { withExactValues } from '../../schemas/exact-values.ts';
import { decodeJsonEnvelope, decodeJsonKey } from '../../schemas/json-reader.ts';
import { jsonEncoder, jsonSchemaEncoder } from '../../schemas/json-writer.ts';
import { makePosition } from '../../schemas/position.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import type { Row, Value } from '../../schemas/value.ts';
import { openSourceDatabase, type SourceDatabase } from '../pipeline/source-database.ts';
import { RANDOM_TYPES } from './arbitraries.ts';
import { TYPES_SQL } from './samples.ts';

const VALUES = 500;

describe('random values go through Postgres and both wire formats and come back the same, bit by bit', () => {
  let database: SourceDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await openSourceDatabase();
    await database.query(TYPES_SQL);
    client = await connectSource(database.url, 'tests');
  });

  afterAll(async () => {
    await client.end();
    await database[Symbol.asyncDispose]();
  });

  test.each(RANDOM_TYPES)('$type', async ({ type, inputs, sql = `v::${type}`, isTextEqual }) => {
    await database.query(`DROP TABLE IF EXISTS there, back;
      CREATE TABLE there (id int PRIMARY KEY, v ${type}); CREATE TABLE back (LIKE there INCLUDING ALL)`);
    const texts = fc.sample(inputs, VALUES);
    await fill(database, 'there', texts, sql);
    const schema = await schemaOf(database, client, 'there');
    const kind = schema.columns[1]?.kind ?? 'other';
    const { rows } = await client.query<{ id: string; v: string }>(
      'SELECT id, v FROM public.there ORDER BY id',
    );
    expect(rows).toHaveLength(VALUES);
    const values = rows.map(({ id, v }) => ({ id: Number(id), v: valueFromText(kind, v) }));
    const decoded = values.map(throughCodecs(schema));
    await fill(database, 'back', decoded.map(({ v }) => postgresText(v ?? null)), `v::${type}`); // prettier-ignore
    const different = await database.query<{ id: number }>(
      // It compares the bytes that the table holds, so 1.0 is not 1.00 and 0 is not -0.
      `SELECT t.id, t.v::text AS there, b.v::text AS back FROM there t FULL JOIN back b USING (id)
        WHERE NOT coalesce(${isTextEqual === true ? 't.v::text = b.v::text' : 'record_image_eq(ROW(t.v), ROW(b.v))'}, false) LIMIT 3`,
    );
    expect(different.map((row) => ({ ...row, input: texts[row.id] }))).toEqual([]);
  });
});

/** Inserts row i with the i-th value. */
async function fill(
  database: SourceDatabase,
  table: string,
  texts: readonly string[],
  sql: string,
): Promise<void> {
  await database.query(
    `INSERT INTO ${table} SELECT id, ${sql.includes(' FROM ') ? `(SELECT ${sql})` : sql} FROM unnest($1::int[], $2::text[]) AS input (id, v)`,
    [texts.map((_, index) => index), texts],
  );
}

async function schemaOf(database: SourceDatabase, client: pg.Client, table: string): Promise<TableSchema> {
  const [row] = await database.query<{ oid: string }>('SELECT $1::regclass::oid::text AS oid', [table]);
  const schema = await readTableSchema(client, Number(row?.oid));
  if (schema === null) throw new Error(`there is no table ${table}`);
  return schema;
}

/** Encodes and decodes a row, as a value and as a key, in all formats; expects the same row each time. */
function throughCodecs(table: TableSchema): (row: Row) => Row {
  const keyed = { ...table, key: ['v'] };
  const ways = [...formatsOf(table).map((way) => ({ way, of: table })), ...formatsOf(keyed).map((way) => ({ way, of: keyed }))]; // prettier-ignore
  return (row) => {
    let last: Row = {};
    for (const { way, of } of ways) {
      const key = { [of.key[0] ?? '']: row[of.key[0] ?? ''] ?? null };
      const encoded = way.encode({
        table: of,
        op: 'c',
        key,
        before: null,
        after: row,
        position: makePosition(1n, 1),
        source: { name: 'p', db: 'd', txId: 1, lsn: 1n, tsUs: 1, snapshot: false },
        tsMs: 1,
      });
      const envelope = way.envelope(Buffer.from(encoded.value));
      const { after } =
        encoded.exactValues === undefined ? envelope : withExactValues(of, envelope, encoded.exactValues);
      expect(way.key(Buffer.from(encoded.key))).toEqual(key);
      expect(after).toEqual(row);
      last = after ?? {};
    }
    return last;
  };
}

interface Format {
  readonly encode: (event: ChangeEvent) => EncodedEvent;
  readonly envelope: (value: Buffer) => DecodedEnvelope;
  readonly key: (key: Buffer) => Row;
}

function formatsOf(table: TableSchema): Format[] {
  const schemas = avroSchemas('p', table);
  const [keyType, valueType] = [compileAvro(schemas.key), compileAvro(schemas.value)];
  const json = {
    envelope: (value: Buffer) => decodeJsonEnvelope(table, value),
    key: (key: Buffer) => decodeJsonKey(table, key),
  };
  return [
    {
      encode: avroEncoder({ key: 1, value: 2, truncateKey: 3 }, table).encode,
      envelope: (value) => decodeAvroEnvelope(valueType, table, value),
      key: (key) => decodeAvroKey(keyType, table, key),
    },
    { encode: jsonSchemaEncoder('p', table).encode, ...json },
    { encode: jsonEncoder(table).encode, ...json },
  ];
}

/** A value as Postgres reads it. */
function postgresText(value: Value): string {
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  return Object.is(value, -0) ? '-0' : String(value);
}
