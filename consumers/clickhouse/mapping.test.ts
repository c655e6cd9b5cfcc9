import { describe, expect, test } from 'vitest';
import { makePosition } from '../../schemas/position.ts';
import { columnSchema, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import type { Write } from '../sink.ts';
import { cellsOf, columnsOf } from './mapping.ts';

function tableOf(...columns: (Partial<Column> & { kind: ValueKind })[]): TableSchema {
  return {
    schema: 'public',
    name: 't',
    key: ['id'],
    columns: [{ name: 'id', kind: 'int4' as const }, ...columns].map((column) =>
      columnSchema.parse({ name: 'v', type: column.kind, nullable: true, ...column }),
    ),
    foreignKeys: [],
  };
}

/** The cell of column v. */
function cellOf(column: Partial<Column> & { kind: ValueKind }, value: Value): unknown {
  const row = { id: 1, v: value };
  const target = { name: 't', table: tableOf(column) };
  return cellsOf({ op: 'upsert', target, key: row, row, position: makePosition(8n, 1) })[1];
}

const decimal = (precision: number, scale: number) => ({ kind: 'numeric' as const, precision, scale });

test.each<[Partial<Column> & { kind: ValueKind }, string]>([
  [{ kind: 'boolean' }, 'Nullable(Bool)'],
  [{ kind: 'int2' }, 'Nullable(Int16)'],
  [{ kind: 'int8' }, 'Nullable(Int64)'],
  [{ kind: 'float4' }, 'Nullable(Float32)'],
  [decimal(76, 10), 'Nullable(Decimal(76, 10))'],
  [decimal(77, 0), 'Nullable(String)'],
  [decimal(5, -2), 'Nullable(String)'],
  [decimal(3, 5), 'Nullable(String)'],
  [{ kind: 'numeric' }, 'Nullable(String)'],
  [{ kind: 'enum' }, 'LowCardinality(Nullable(String))'],
  [{ kind: 'date' }, 'Nullable(Date32)'],
  [{ kind: 'timestamp' }, "Nullable(DateTime64(6, 'UTC'))"],
  [{ kind: 'timestamptz', precision: 0 }, "Nullable(DateTime64(6, 'UTC'))"],
  [{ kind: 'jsonb' }, 'Nullable(String)'],
])('%o is stored as %s', (column, type) => {
  expect(columnsOf(tableOf(column))[1]).toEqual({ name: 'v', type });
});

test('key columns are not Nullable, and version and mark come last', () => {
  const table = { ...tableOf({ kind: 'enum' }), key: ['v', 'id'] };
  expect(columnsOf(table)).toEqual([
    { name: 'id', type: 'Int32' },
    { name: 'v', type: 'LowCardinality(String)' },
    { name: '__pos', type: 'UInt128' },
    { name: '__deleted', type: 'UInt8' },
  ]);
});

test('a column with an internal name is refused', () => {
  expect(() => columnsOf(tableOf({ name: '__deleted', kind: 'int4' }))).toThrow(
    expect.objectContaining({ code: 'SINK_SCHEMA_CONFLICT' }),
  );
});

describe('cells', () => {
  test.each<[Partial<Column> & { kind: ValueKind }, Value, unknown]>([
    [{ kind: 'boolean' }, false, false],
    [{ kind: 'int8' }, -9223372036854775808n, '-9223372036854775808'],
    [{ kind: 'float8' }, -0, '-0'],
    [{ kind: 'float8' }, Number.NaN, 'NaN'],
    [{ kind: 'float4' }, -Infinity, '-Infinity'],
    [decimal(10, 2), '-99999999.99', '-99999999.99'],
    [decimal(10, 2), '1.5000', '1.5000'],
    [{ kind: 'numeric' }, 'NaN', 'NaN'],
    [{ kind: 'date' }, '2299-12-31', '2299-12-31'],
    [{ kind: 'timestamp' }, '1900-01-01T00:00:00', '1900-01-01 00:00:00'],
    [{ kind: 'timestamptz' }, '2299-12-31T23:59:59.999999Z', '2299-12-31 23:59:59.999999'],
    [{ kind: 'bytea' }, Uint8Array.from([0, 255]), 'AP8='],
    [{ kind: 'text' }, null, null],
  ])('%o %s becomes %s', (column, value, cell) => {
    expect(cellOf(column, value)).toEqual(cell);
  });

  test.each<[Partial<Column> & { kind: ValueKind }, Value]>([
    [{ kind: 'boolean' }, 'masked'],
    [{ kind: 'int2' }, 32768],
    [{ kind: 'int4' }, 'masked'],
    [{ kind: 'int8' }, 9223372036854775808n],
    [{ kind: 'float8' }, 'masked'],
    [decimal(10, 2), 'NaN'],
    [decimal(10, 2), '0.001'],
    [decimal(10, 2), '123456789.00'],
    [{ kind: 'uuid' }, 'masked'],
    [{ kind: 'date' }, '1899-12-31'],
    [{ kind: 'date' }, '2300-01-01'],
    [{ kind: 'date' }, '0044-03-15 BC'],
    [{ kind: 'timestamp' }, 'infinity'],
  ])('%o refuses %s, naming column and type and not the value', (column, value) => {
    expect(() => cellOf(column, value)).toThrow(
      expect.objectContaining({
        code: 'SINK_EVENT_REJECTED',
        message: expect.stringMatching(new RegExp(`^a value of column v \\(${column.kind}\\)`)),
      }),
    );
    expect(() => cellOf(column, value)).not.toThrow(String(value));
  });

  test('a delete holds the key, the version and the mark alone', () => {
    const position = makePosition(0x1234n, 7);
    const target = { name: 't', table: tableOf({ kind: 'text' }) };
    const write: Write = { op: 'delete', target, key: { id: 5 }, position };
    expect(cellsOf(write)).toEqual(['5', null, BigInt(`0x${position}`).toString(), 1]);
  });
});
