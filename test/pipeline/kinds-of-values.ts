import type { Fields } from './decode-record.ts';

/** A table with a column of every common type. */
export const KINDS_TABLE = `
  CREATE TYPE mood AS ENUM ('sad', 'très bien');
  CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
  CREATE DOMAIN cents AS bigint CHECK (VALUE > 0);
  CREATE TABLE kinds (
    id int PRIMARY KEY, flag boolean, small int2, big int8, amount numeric, price numeric(20, 4), single float4,
    double float8, word text, short varchar(10), fixed char(4), uid uuid, mood mood, mail email, cents cents, day date,
    at timestamp, at_ms timestamp(3), atz timestamptz, clock time, span interval, bytes bytea, doc json, docb jsonb,
    tags text[], spread int4range, address inet)`;

interface Kind {
  /** The column's value in SQL, for the first row and for the second. */
  readonly sql: readonly [string, string];
  /** The same as the topic has it. */
  readonly text: readonly [string | boolean, string | boolean];
  /** The same in Avro, where it has another form there: numbers in decimal text, bytes in base64. */
  readonly avro?: readonly [string, string];
}

const KINDS: Readonly<Record<string, Kind>> = {
  flag: { sql: ['true', 'false'], text: [true, false] },
  small: { sql: ['-32768', '32767'], text: ['-32768', '32767'] },
  big: {
    sql: ['9223372036854775807', '-9223372036854775808'],
    text: ['9223372036854775807', '-9223372036854775808'],
  },
  amount: {
    sql: ["'12345678901234567890.12345678901234567890'", "'NaN'"],
    text: ['12345678901234567890.12345678901234567890', 'NaN'],
  },
  price: { sql: ['12.5', '-0.0001'], text: ['12.5000', '-0.0001'], avro: ['AehI', '/w=='] },
  single: { sql: ['1.5', "'-Infinity'"], text: ['1.5', '-Infinity'] },
  double: { sql: ['0.1', "'NaN'"], text: ['0.1', 'NaN'] },
  word: { sql: [`E'Grüße "x" \\\\ 😀\\n'`, "''"], text: ['Grüße "x" \\ 😀\n', ''] },
  short: { sql: ["'abc'", "' '"], text: ['abc', ' '] },
  fixed: { sql: ["'ab'", "'abcd'"], text: ['ab  ', 'abcd'] },
  uid: {
    sql: ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "'00000000-0000-0000-0000-000000000000'"],
    text: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000000'],
  },
  mood: { sql: ["'sad'", "'très bien'"], text: ['sad', 'très bien'] },
  mail: { sql: ["'a@b.c'", "'@'"], text: ['a@b.c', '@'] },
  cents: { sql: ['9007199254740993', '1'], text: ['9007199254740993', '1'] },
  day: {
    sql: ["'2024-02-29'", "'0044-03-15 BC'"],
    text: ['2024-02-29', '0044-03-15 BC'],
    avro: ['19782', '-735160'],
  },
  at: {
    sql: ["'2024-02-29 12:00:00.123456'", "'infinity'"],
    text: ['2024-02-29T12:00:00.123456', 'infinity'],
    avro: ['1709208000123456', '9223372036825200000'],
  },
  at_ms: {
    sql: ["'2024-02-29 12:00:00.1236'", "'1999-12-31 23:59:59'"],
    text: ['2024-02-29T12:00:00.124', '1999-12-31T23:59:59'],
    avro: ['1709208000124000', '946684799000000'],
  },
  atz: {
    sql: ["'2024-02-29 12:00:00.000001+05:30'", "'0001-01-01 00:00:00+00 BC'"],
    text: ['2024-02-29T06:30:00.000001Z', '0001-01-01T00:00:00Z BC'],
  },
  clock: {
    sql: ["'23:59:59.999999'", "'24:00:00'"],
    text: ['23:59:59.999999', '24:00:00'],
    avro: ['86399999999', '86400000000'],
  },
  span: { sql: ["'1 year 2 mons -3 days 04:05:06.789'", "'0'"], text: ['P1Y2M-3DT4H5M6.789S', 'PT0S'] },
  bytes: { sql: ["'\\x00ff10'", "''"], text: ['AP8Q', ''] },
  doc: {
    sql: [`'{"b": 1, "a": 9007199254740993, "a": 1.10}'`, "'null'"],
    text: ['{"b": 1, "a": 9007199254740993, "a": 1.10}', 'null'],
  },
  docb: {
    sql: [`'{"b": 1, "a": 9007199254740993.10}'`, "'[]'"],
    text: ['{"a": 9007199254740993.10, "b": 1}', '[]'],
  },
  tags: { sql: [`'{a,"b c",NULL}'`, "'{}'"], text: ['{a,"b c",NULL}', '{}'] },
  spread: { sql: ["'[1,10]'", "'empty'"], text: ['[1,11)', 'empty'] },
  address: { sql: ["'10.0.0.0/8'", "'::1'"], text: ['10.0.0.0/8', '::1'] },
};

/** Inserts three rows from this id on: two full ones and one of nulls. */
export function insertKinds(id: number): string {
  const values = (place: 0 | 1) => Object.values(KINDS).map(({ sql }) => sql[place]);
  return `INSERT INTO kinds (id, ${Object.keys(KINDS).join(', ')}) VALUES
    (${[id, ...values(0)].join(', ')}), (${[id + 1, ...values(1)].join(', ')});
    INSERT INTO kinds (id) VALUES (${id + 2})`;
}

/** What the topic must hold of the rows from id 1 on. */
export function kindsRows(isAvro: boolean): readonly Fields[] {
  const full = (place: 0 | 1) => columns(({ text, avro }) => (isAvro && avro ? avro[place] : text[place]));
  return [
    { id: '1', ...full(0) },
    { id: '2', ...full(1) },
    { id: '3', ...columns(() => null) },
  ];
}

function columns(value: (kind: Kind) => string | boolean | null): Fields {
  return Object.fromEntries(Object.entries(KINDS).map(([name, kind]) => [name, value(kind)]));
}
