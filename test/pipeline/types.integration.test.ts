import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { avroForm } from '../types/avro-forms.ts';
import { sampleColumn, TYPE_SAMPLES, TYPES_SQL, type SampleValue } from '../types/samples.ts';
import { decodeRecord, type Fields } from './decode-record.ts';
import { openPipeline, type Pipeline } from './harness.ts';

const ROWS = Math.max(...TYPE_SAMPLES.map(({ values }) => values.length));
const STREAMED_FROM = 100;
const columns = TYPE_SAMPLES.map(({ type }, index) => ({ name: `c${index}`, type }));
/** What arrays can hold: an array of arrays is an array of more dimensions. */
const ITEMS = TYPE_SAMPLES.filter(({ type }) => !type.endsWith('[]'));
const TABLES = `
  CREATE TABLE samples (id int PRIMARY KEY, ${columns.map(({ name, type }) => `${name} ${type}`).join(', ')});
  CREATE TABLE sample_arrays (id int PRIMARY KEY, ${ITEMS.map(({ type }, index) => `c${index} ${type}[]`).join(', ')})`;

/** What an administrator may set for a database or a role, so that another program's texts come out otherwise. */
const HOSTILE_SETTINGS = {
  TimeZone: "'Asia/Kolkata'",
  DateStyle: "'German, DMY'",
  IntervalStyle: "'sql_standard'",
  bytea_output: "'escape'",
  extra_float_digits: '-15',
  lc_monetary: "'C.UTF-8'",
  xmlbinary: "'hex'",
  xmloption: "'document'",
  search_path: 'pg_temp',
  quote_all_identifiers: 'on',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  client_encoding: "'LATIN1'",
  row_security: 'off',
  default_text_search_config: "'pg_catalog.german'",
  default_transaction_isolation: "'serializable'",
  default_transaction_read_only: 'on',
  statement_timeout: "'1ms'",
  lock_timeout: "'1ms'",
  idle_in_transaction_session_timeout: "'1ms'",
  idle_session_timeout: "'1ms'",
};

describe.each([
  ['JSON', false],
  ['Avro', true],
])('in %s, of a database with settings of its own', (_format, avro) => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await openPipeline({
      sql: `${TYPES_SQL}; ${TABLES}; ${inserts(1)}`,
      tables: ['samples', 'sample_arrays'],
      sinks: {
        search: 'elasticsearch',
        analytics: 'clickhouse',
        documents: 'mongodb',
        cache: 'redis',
        graph: 'neo4j',
      },
      source: { tables: ['public.samples', 'public.sample_arrays'] },
      avro,
    });
    const { database } = pipeline;
    // Sessions that are open already keep what they have.
    for (const [name, value] of Object.entries(HOSTILE_SETTINGS))
      await database.query(`ALTER DATABASE ${database.name} SET ${name} = ${value}`);
    pipeline.start('all');
    await pipeline.untilCaptured();
    await database.query(inserts(STREAMED_FROM));
    // An update sends every column once more.
    await database.query(`UPDATE samples SET id = id + ${STREAMED_FROM} WHERE id >= ${STREAMED_FROM}`);
    await pipeline.untilCaughtUp();
    // The comparison reads with the settings of the database; names with their schema are what the producer writes.
    await database.query(
      `ALTER DATABASE ${database.name} RESET ALL; ALTER DATABASE ${database.name} SET search_path = ''`,
    );
  });

  afterAll(() => pipeline[Symbol.asyncDispose]());

  async function newestRows(table: string): Promise<Map<number, Fields>> {
    const records = await Promise.all((await pipeline.records(`public.${table}`)).map(decodeRecord));
    return new Map(
      records.flatMap(({ value }) =>
        value?.after == null ? [] : [[Number(value.after['id']), value.after]],
      ),
    );
  }

  test('every value of every type leaves as the page of types says, from snapshot and stream alike', async () => {
    const rows = await newestRows('samples');
    for (const first of [1, STREAMED_FROM, 2 * STREAMED_FROM]) {
      for (let place = 0; place < ROWS; place++) {
        const { id: _id, ...found } = rows.get(first + place) ?? {};
        expect(named(found), `row ${first + place}`).toEqual(named(expectedRow(place, avro)));
      }
    }
  });

  test('arrays of every type leave as Postgres writes them, from snapshot and stream alike', async () => {
    const rows = await newestRows('sample_arrays');
    const client = await pipeline.database.connect();
    await client.query(
      `SET search_path = ''; SET quote_all_identifiers = off; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'iso_8601';
       SET bytea_output = 'hex'; SET extra_float_digits = 1; SET client_encoding = 'UTF8'; SET lc_monetary = 'C'; SET statement_timeout = 0`,
    );
    const texts = ITEMS.map((_, index) => `c${index}::text`).join(', ');
    const { rows: expected } = await client.query<Fields & { id: number }>(
      `SELECT id, ${texts} FROM public.sample_arrays ORDER BY id`,
    );
    expect(expected).toHaveLength(4);
    for (const { id, ...row } of expected) {
      const { id: _id, ...found } = rows.get(id) ?? {};
      expect(named(found), `row ${id}`).toEqual(named(row));
    }
    expect(expected[0]).toMatchObject({ c0: '{t,f,NULL}' });
    expect(expected[1]).toMatchObject({ c0: '{{t},{NULL}}' });
  });

  test.each(['search', 'analytics', 'documents', 'cache', 'graph'])(
    'the sink %s ends equal',
    async (sink) => {
      await pipeline.expectEqual(['public.samples', 'public.sample_arrays'], [sink]);
    },
  );
});

/** Statements that insert the samples with ids from `first` on, and two rows of arrays. */
function inserts(first: number): string {
  const list = ['id', ...columns.map(({ name }) => name)].join(', ');
  const rows = Array.from({ length: ROWS }, (_, place) => {
    const values = TYPE_SAMPLES.map(({ type, values }) => literal(values[place]?.input, type));
    return `(${[first + place, ...values].join(', ')})`;
  });
  const flat = ITEMS.map(({ type, values }) => arrayLiteral(type, [...values.map(quoted), 'NULL']));
  const square = ITEMS.map(({ type, values }) => {
    const [item = 'NULL'] = values.map(quoted);
    return arrayLiteral(type, [`{${item}}`, '{NULL}']);
  });
  return `INSERT INTO samples (${list}) VALUES ${rows.join(', ')};
    INSERT INTO sample_arrays VALUES (${[first, ...flat].join(', ')}), (${[first + 1, ...square].join(', ')})`;
}

function literal(input: string | undefined, type: string): string {
  return input === undefined ? 'NULL' : `'${input.replaceAll("'", "''")}'::text::${type}`;
}

function expectedRow(place: number, avro: boolean): Fields {
  return Object.fromEntries(
    TYPE_SAMPLES.map((sample, index) => {
      const text = sample.values[place]?.text ?? null;
      return [`c${index}`, avro && typeof text === 'string' ? avroForm(sampleColumn(sample), text) : text];
    }),
  );
}

/** One item of an array's text. */
function quoted({ input }: SampleValue): string {
  return `"${input.replace(/["\\]/g, '\\$&')}"`;
}

function arrayLiteral(type: string, items: readonly string[]): string {
  // The one type whose arrays have another delimiter, since its own text has commas.
  const text = `{${items.join(type === 'box' ? ';' : ',')}}`;
  return `'${text.replaceAll("'", "''")}'::text::${type}[]`;
}

/** With the types beside the columns' names, for a reader of the differences. */
function named(row: Fields): Fields {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      `${name} ${TYPE_SAMPLES[Number(name.slice(1))]?.type}`,
      value,
    ]),
  );
}
