import type { Schema } from 'avsc';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { avroEncoder, decodeAvroEnvelope, decodeAvroKey, schemaIdOf } from './avro-codec.ts';
import { avroSchemas } from './avro-schema.ts';
import { compileAvro } from './avro-types.ts';
import type { ChangeEvent } from './change-event.ts';
import { decodeJsonEnvelope, decodeJsonKey } from './json-reader.ts';
import { jsonEncoder, jsonSchemaEncoder } from './json-writer.ts';
import { makePosition } from './position.ts';
import type { TableSchema } from './table-schema.ts';
import type { Row, ValueKind } from './value.ts';

const column = (name: string, kind: ValueKind, nullable = true) => ({ name, type: kind, kind, nullable });
const table: TableSchema = {
  schema: 'public',
  name: 'things',
  columns: [
    column('id', 'int8', false),
    column('small', 'int2'),
    column('flag', 'boolean'),
    column('ratio', 'float8'),
    column('price', 'numeric'),
    column('bytes', 'bytea'),
    column('doc', 'jsonb'),
    column('at', 'timestamptz'),
    column('größe "x"', 'text'),
    column('gr__e__x_', 'text'),
  ],
  key: ['id'],
  foreignKeys: [],
};

const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const rows: fc.Arbitrary<Row> = fc.record(
  {
    id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    small: nullable(fc.integer({ min: -32768, max: 32767 })),
    flag: nullable(fc.boolean()),
    ratio: nullable(fc.double()),
    price: nullable(
      fc.constantFrom('NaN', '12.50', '-0.000000000000000000000000000001', '123456789012345678901234567890'),
    ),
    bytes: nullable(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
    doc: nullable(fc.json()),
    at: nullable(fc.constantFrom('infinity', '0044-03-15T00:00:00Z BC', '2024-02-29T12:00:00.123456Z')),
    'größe "x"': nullable(fc.string({ unit: 'binary' })),
    gr__e__x_: nullable(fc.string()),
  },
  { noNullPrototype: true },
);

function eventOf(row: Row): ChangeEvent {
  return {
    table,
    op: 'c',
    key: { id: row['id'] ?? null },
    before: null,
    after: row,
    position: makePosition(0xfedc_ba98_7654n, 7),
    source: {
      name: 'p',
      db: 'd',
      txId: 5,
      lsn: 9_007_199_254_740_993n,
      tsUs: 1_790_000_000_123_456,
      snapshot: false,
    },
    tsMs: 1_790_000_000_456,
  };
}

describe('JSON', () => {
  const encoder = jsonEncoder(table);

  test('every row comes back exactly', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const { key, value } = encoder.encode(eventOf(row));
        expect(decodeJsonEnvelope(table, Buffer.from(value)).after).toEqual(row);
        expect(decodeJsonKey(table, Buffer.from(key))).toEqual({ id: row['id'] });
      }),
    );
  });

  test('the envelope has the names and values that Debezium writes', () => {
    const text = encoder.encode(eventOf({ id: 1n, small: 2 })).value;
    expect(text).toBe(
      '{"before":null,"after":{"id":1,"small":2},"source":{"version":"0.1.0","connector":"postgresql","name":"p",' +
        '"ts_ms":1790000000123,"snapshot":"false","db":"d",' +
        '"sequence":"[\\"280223976814164\\",\\"9007199254740993\\"]","ts_us":1790000000123456,"schema":"public","table":"things","txId":5,' +
        '"lsn":9007199254740993,"commit_lsn":280223976814164,"ordinal":7},"transaction":null,"op":"c","ts_ms":1790000000456}',
    );
  });

  test('a value of the wrong JSON type is refused, naming the column and no value', () => {
    const bad = Buffer.from('{"after":{"id":1,"small":"secret"},"op":"c"}');
    expect(() => decodeJsonEnvelope(table, bad)).toThrow(
      'column small (int2) cannot be read from a JSON string',
    );
  });
});

describe('Avro', () => {
  const schemas = avroSchemas('p', table);
  const encoder = avroEncoder({ key: 3, value: 4, truncateKey: 5 }, table);
  const [keyType, valueType] = [compileAvro(schemas.key), compileAvro(schemas.value)];

  test('every row comes back exactly', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const { key, value } = encoder.encode(eventOf(row));
        expect(schemaIdOf(value)).toBe(4);
        expect(decodeAvroEnvelope(valueType, table, value).after).toEqual(row);
        expect(decodeAvroKey(keyType, table, key)).toEqual({ id: row['id'] });
      }),
    );
  });

  test('the bytes are those of another encoder', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const { key, value } = encoder.encode(eventOf(row));
        for (const [type, bytes] of [
          [keyType, key],
          [valueType, value],
        ] as const)
          // prettier-ignore
          expect(type.toBuffer(type.fromBuffer(bytes.subarray(5)))).toEqual(bytes.subarray(5));
        expect(valueType.fromBuffer(value.subarray(5))).toMatchObject({
          before: null,
          after: { id: row['id'], small: row['small'], gr__e__x_: row['größe "x"'] },
          source: {
            connector: 'postgresql',
            snapshot: 'false',
            txId: 5n,
            lsn: 9_007_199_254_740_993n,
            ordinal: 7n,
          },
          transaction: null,
          op: 'c',
          ts_ms: 1_790_000_000_456n,
        });
      }),
    );
  });

  test('columns whose Avro names fall together stay apart', () => {
    expect(JSON.stringify(schemas.value)).toContain('"gr__e__x_"');
    expect(JSON.stringify(schemas.value)).toContain('"gr__e__x__2"');
  });

  test('a column of another type than its value is refused, naming the column and no value', () => {
    expect(() => encoder.encode(eventOf({ id: 1n, small: 'secret' }))).toThrow(
      'column small (int2) cannot be written from a string',
    );
  });

  test('a record that is cut off or too long is refused', () => {
    const { value } = encoder.encode(eventOf({ id: 1n, 'größe "x"': 'text' }));
    for (let end = 5; end < value.length; end++)
      expect(() => decodeAvroEnvelope(valueType, table, value.subarray(0, end))).toThrow();
    expect(() => decodeAvroEnvelope(valueType, table, Buffer.concat([value, Buffer.alloc(1)]))).toThrow(
      /longer/,
    );
  });
});

describe('values that their column cannot hold', () => {
  const typed: TableSchema = {
    ...table,
    columns: [
      column('id', 'int8', false),
      { ...column('größe', 'numeric'), precision: 5, scale: 2 },
      column('at', 'timestamp'),
    ],
  };
  const row = { id: 1n, größe: 'NaN', at: '294276-12-31T23:59:59.999999' };

  test.each([
    ['Avro', avroEncoder({ key: 3, value: 4, truncateKey: 5 }, typed)],
    ['JSON with schemas', jsonSchemaEncoder('p', typed)],
  ])('travel in a header of ASCII, and are null in %s', (_format, { encode }) => {
    const { exactValues } = encode({ ...eventOf(row), table: typed, before: { id: 1n, größe: '1000.00' } });
    expect(exactValues).toBe(
      '{"before":{"gr\\u00f6\\u00dfe":"1000.00"},"after":{"gr\\u00f6\\u00dfe":"NaN","at":"294276-12-31T23:59:59.999999"}}',
    );
  });

  test('nothing travels so where every value fits', () => {
    const fitting = { id: 1n, größe: '999.99', at: 'infinity' };
    const { encode } = avroEncoder({ key: 3, value: 4, truncateKey: 5 }, typed);
    expect(encode({ ...eventOf(fitting), table: typed })).not.toHaveProperty('exactValues');
  });
});

test('rows that were written as plain texts are still read', () => {
  const dated = {
    ...table,
    columns: [column('id', 'int8', false), column('at', 'timestamp'), column('day', 'date')],
  };
  const namespace = 'p.public.things';
  const nullableText = { type: ['null', 'string'], default: null };
  const old = {
    type: 'record',
    name: 'Envelope',
    namespace,
    fields: [
      { name: 'before', type: 'null' },
      {
        name: 'after',
        type: {
          type: 'record',
          name: 'Value',
          fields: [
            { name: 'at', ...nullableText },
            { name: 'gone', ...nullableText },
            { name: 'id', type: 'long' },
          ],
        },
      },
      { name: 'source', type: { type: 'record', name: 'Source', fields: [{ name: 'lsn', type: 'long' }] } },
      { name: 'op', type: 'string' },
    ],
  } as Schema;
  const type = compileAvro(old);
  const at = '2024-02-29T12:00:00';
  const bytes = type.toBuffer({
    before: null,
    after: { at, gone: 'x', id: 1n },
    source: { lsn: 9n },
    op: 'c',
  });
  const framed = Buffer.concat([Buffer.alloc(5), bytes]);
  expect(decodeAvroEnvelope(type, dated, framed)).toMatchObject({
    op: 'c',
    after: { at, id: 1n },
    source: { lsn: 9n },
  });
});

test('the schemas have the names and types that Debezium gives', () => {
  const priced = { ...table, columns: [column('id', 'int8', false), { ...column('price', 'numeric'), precision: 10, scale: 2 }, column('day', 'date')] }; // prettier-ignore
  expect(avroSchemas('p', priced).value).toMatchObject({
    name: 'Envelope',
    namespace: 'p.public.things',
    'connect.name': 'p.public.things.Envelope',
    'connect.version': 2,
    fields: [
      {
        name: 'before',
        type: [
          'null',
          {
            name: 'Value',
            'connect.name': 'p.public.things.Value',
            fields: [
              { name: 'id', type: 'long' },
              {
                name: 'price',
                type: [
                  'null',
                  {
                    type: 'bytes',
                    logicalType: 'decimal',
                    precision: 10,
                    scale: 2,
                    'connect.version': 1,
                    'connect.parameters': { scale: '2', 'connect.decimal.precision': '10' },
                    'connect.name': 'org.apache.kafka.connect.data.Decimal',
                  },
                ],
                default: null,
              },
              { name: 'day', type: ['null', { type: 'int', 'connect.version': 1, 'connect.name': 'io.debezium.time.Date' }] }, // prettier-ignore
            ],
          },
        ],
      },
      { name: 'after', type: ['null', 'p.public.things.Value'] },
      { name: 'source', type: { 'connect.name': 'io.debezium.connector.postgresql.Source' } },
      { name: 'transaction', type: ['null', { 'connect.name': 'event.block' }] },
      { name: 'op' },
      { name: 'ts_ms' },
    ],
  });
});

test('a JSON record with schemas is read by what its schema block says', () => {
  const { key, value } = jsonSchemaEncoder('p', table).encode(
    eventOf({ id: 1n, at: '2024-02-29T12:00:00Z' }),
  );
  expect(JSON.parse(key)).toEqual({
    schema: { type: 'struct', fields: [{ type: 'int64', optional: false, field: 'id' }], optional: false, name: 'p.public.things.Key' }, // prettier-ignore
    payload: { id: 1 },
  });
  expect(JSON.parse(value)).toMatchObject({
    schema: { type: 'struct', name: 'p.public.things.Envelope', version: 2, optional: false },
    payload: { before: null, after: { id: 1, at: '2024-02-29T12:00:00Z' }, op: 'c' },
  });
});
