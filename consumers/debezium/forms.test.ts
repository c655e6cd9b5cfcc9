import { expect, test } from 'vitest';
import { formOf } from './forms.ts';
import { connectSchemaOfAvro, fieldOf, type ConnectSchema } from './schema.ts';

const TIME = 'io.debezium.time.';
const DATA = 'io.debezium.data.';
const CONNECT = 'org.apache.kafka.connect.data.';

test.each<[string, ConnectSchema, unknown, unknown, string]>([
  [
    'a decimal',
    {
      type: 'bytes',
      name: `${CONNECT}Decimal`,
      parameters: { scale: '4', 'connect.decimal.precision': '20' },
    },
    'AehI',
    '12.5000',
    'numeric',
  ],
  [
    'a negative decimal',
    { type: 'bytes', name: `${CONNECT}Decimal`, parameters: { scale: '4' } },
    '/w==',
    '-0.0001',
    'numeric',
  ],
  [
    'a decimal of hundreds',
    { type: 'bytes', name: `${CONNECT}Decimal`, parameters: { scale: '-2' } },
    Buffer.from([123]),
    '12300',
    'numeric',
  ],
  [
    'a decimal with its scale',
    { type: 'struct', name: `${DATA}VariableScaleDecimal` },
    { scale: 19, value: 'XODppWAV/sWq36MorjmBFQ==' },
    '12345678901234567890.1234567890123456789',
    'numeric',
  ],
  ['a day', { type: 'int32', name: `${TIME}Date` }, 19782, '2024-02-29', 'date'],
  ['an infinite day', { type: 'int32', name: `${TIME}Date` }, 2146033979, 'infinity', 'date'],
  ['a day in ISO', { type: 'string', name: `${TIME}IsoDate` }, '2024-02-29Z', '2024-02-29', 'date'],
  [
    'milliseconds',
    { type: 'int64', name: `${TIME}Timestamp` },
    1709208000124,
    '2024-02-29T12:00:00.124',
    'timestamp',
  ],
  [
    'microseconds',
    { type: 'int64', name: `${TIME}MicroTimestamp` },
    1709208000123456,
    '2024-02-29T12:00:00.123456',
    'timestamp',
  ],
  [
    'nanoseconds',
    { type: 'int64', name: `${TIME}NanoTimestamp` },
    1709208000123456000n,
    '2024-02-29T12:00:00.123456',
    'timestamp',
  ],
  [
    'infinity',
    { type: 'int64', name: `${TIME}MicroTimestamp` },
    9223372036854775807n,
    'infinity',
    'timestamp',
  ],
  [
    'minus infinity',
    { type: 'int64', name: `${TIME}Timestamp` },
    -9223372036832400000n,
    '-infinity',
    'timestamp',
  ],
  [
    'a zoned timestamp',
    { type: 'string', name: `${TIME}ZonedTimestamp` },
    '2024-02-29T10:00:00.500000Z',
    '2024-02-29T10:00:00.5Z',
    'timestamptz',
  ],
  [
    'a zoned timestamp before Christ',
    { type: 'string', name: `${TIME}ZonedTimestamp` },
    '-0043-03-15T00:00:00.000000Z',
    '0044-03-15T00:00:00Z BC',
    'timestamptz',
  ],
  [
    'a zoned timestamp of a far year',
    { type: 'string', name: `${TIME}ZonedTimestamp` },
    '+12345-01-01T00:00:00.000000Z',
    '12345-01-01T00:00:00Z',
    'timestamptz',
  ],
  [
    'an infinite zoned timestamp',
    { type: 'string', name: `${TIME}ZonedTimestamp` },
    '-infinity',
    '-infinity',
    'timestamptz',
  ],
  ['the end of a day', { type: 'int64', name: `${TIME}MicroTime` }, 86400000000, '24:00:00', 'time'],
  ['a time in milliseconds', { type: 'int32', name: `${TIME}Time` }, 45296789, '12:34:56.789', 'time'],
  ['a zoned time', { type: 'string', name: `${TIME}ZonedTime` }, '06:30:00Z', '06:30:00+00', 'timetz'],
  [
    'an interval',
    { type: 'string', name: `${TIME}Interval` },
    'P1Y2M-3DT4H5M6.789S',
    'P1Y2M-3DT4H5M6.789S',
    'interval',
  ],
  [
    'an interval with zeros',
    { type: 'string', name: `${TIME}Interval` },
    'P0Y0M0DT0H0M-0.5S',
    'PT-0.5S',
    'interval',
  ],
  ['no interval', { type: 'int64', name: `${TIME}MicroDuration` }, 0, 'PT0S', 'interval'],
  [
    'an interval as a number',
    { type: 'int64', name: `${TIME}MicroDuration` },
    -3661000000,
    'PT-1H-1M-1S',
    'interval',
  ],
  ['bits', { type: 'bytes', name: `${DATA}Bits`, parameters: { length: '5' } }, 'Bg==', '00110', 'other'],
  [
    'bits of any number',
    { type: 'bytes', name: `${DATA}Bits`, parameters: { length: '2147483647' } },
    'xwE=',
    '111000111',
    'other',
  ],
  [
    'a point',
    { type: 'struct', name: `${DATA}geometry.Point` },
    { x: 1.5, y: -2, wkb: '' },
    '(1.5,-2)',
    'other',
  ],
  [
    'an hstore',
    { type: 'map' },
    { bb: '1', a: null, 'c"': '\\' },
    '"a"=>NULL, "bb"=>"1", "c\\""=>"\\\\"',
    'other',
  ],
  [
    'an array of texts',
    { type: 'array', items: { type: 'string', optional: true } },
    ['a', 'b c', null, 'NULL', '', '"'],
    '{a,"b c",NULL,"NULL","","\\""}',
    'other',
  ],
  ['an array of bytes', { type: 'array', items: { type: 'bytes' } }, ['AP8='], '{"\\\\x00ff"}', 'other'],
  [
    'an array of timestamps',
    { type: 'array', items: { type: 'string', name: `${TIME}ZonedTimestamp` } },
    ['2024-02-29T10:00:00.500000Z'],
    '{"2024-02-29 10:00:00.5+00"}',
    'other',
  ],
  [
    'jsonb, where its type is told',
    { type: 'string', name: `${DATA}Json`, parameters: { '__debezium.source.column.type': 'JSONB' } },
    '{}',
    '{}',
    'jsonb',
  ],
  ['json', { type: 'string', name: `${DATA}Json` }, '{}', '{}', 'json'],
  ['a float', { type: 'float' }, 1.100000023841858, 1.1, 'float4'],
  ['NaN', { type: 'double' }, 'NaN', Number.NaN, 'float8'],
  ['a long', { type: 'int64' }, -9223372036854775808n, -9223372036854775808n, 'int8'],
])('%s becomes what Postgres prints', (_, schema, raw, expected, kind) => {
  const form = formOf(schema);
  expect(form.read(raw)).toEqual(expected);
  expect(form.kind).toBe(kind);
});

test('a type that is not understood is named', () => {
  expect(() => formOf({ type: 'struct', name: `${TIME}StructuredDate` })).toThrow(
    'io.debezium.time.StructuredDate',
  );
});

test('an Avro schema of a converter is the schema that it was made from', () => {
  const schema = connectSchemaOfAvro({
    type: 'record',
    name: 'Envelope',
    namespace: 'dbz.public.t',
    fields: [
      {
        name: 'before',
        type: [
          'null',
          {
            type: 'record',
            name: 'Value',
            fields: [
              { name: 'small', type: { type: 'int', 'connect.type': 'int16' } },
              {
                name: 'day',
                type: ['null', { type: 'int', 'connect.version': 1, 'connect.name': `${TIME}Date` }],
              },
              {
                name: 'price',
                type: [
                  'null',
                  {
                    type: 'bytes',
                    scale: 2,
                    precision: 10,
                    logicalType: 'decimal',
                    'connect.name': `${CONNECT}Decimal`,
                  },
                ],
              },
              { name: 'tags', type: ['null', { type: 'array', items: ['null', 'string'] }] },
            ],
          },
        ],
      },
      { name: 'after', type: ['null', 'Value'] },
    ],
  });
  const after = fieldOf(schema, 'after');
  expect(after?.optional).toBe(true);
  expect(
    after?.fields?.map((field) => [field.field, field.type, field.name, field.optional ?? false]),
  ).toEqual([
    ['small', 'int16', undefined, false],
    ['day', 'int32', `${TIME}Date`, true],
    ['price', 'bytes', `${CONNECT}Decimal`, true],
    ['tags', 'array', undefined, true],
  ]);
  expect(fieldOf(after ?? schema, 'price')?.parameters).toMatchObject({
    scale: '2',
    'connect.decimal.precision': '10',
  });
});
