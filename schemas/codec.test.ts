import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { avroEncoder, avroSchemas, decodeAvroEnvelope, decodeAvroKey, schemaIdOf } from './avro-codec.ts';
import { compileAvro } from './avro-types.ts';
import type { ChangeEvent } from './change-event.ts';
import { decodeJsonEnvelope, decodeJsonKey, jsonEncoder } from './json-codec.ts';
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
        '"ts_ms":1790000000123,"ts_us":1790000000123456,"snapshot":"false","db":"d",' +
        '"sequence":"[\\"280223976814164\\",\\"9007199254740993\\"]","schema":"public","table":"things","txId":5,' +
        '"lsn":9007199254740993,"commit_lsn":280223976814164,"ordinal":7},"op":"c","ts_ms":1790000000456,"transaction":null}',
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
  const encoder = avroEncoder(schemas, { key: 3, value: 4, truncateKey: 5 }, table);
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

  test('columns whose Avro names fall together stay apart', () => {
    expect(JSON.stringify(schemas.value)).toContain('"gr__e__x_"');
    expect(JSON.stringify(schemas.value)).toContain('"gr__e__x__2"');
  });
});
