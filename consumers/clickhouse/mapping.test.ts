import { describe, expect, test } from 'vitest';
import { makePosition } from '../../schemas/position.ts';
import { columnSchema, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import type { Write } from '../sink.ts';
import { cellWriterOf } from './cell.ts';
import { baseOf, type TableColumn } from './column-type.ts';
import { cellsOf, columnsOf } from './mapping.ts';

const NO_TEXT: ReadonlySet<string> = new Set();

function columnsOfTable(table: TableSchema, textColumns = NO_TEXT): readonly TableColumn[] {
  return columnsOf({ name: 't', table }, textColumns);
}

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

/** All cells of a write to a table that has these types, and the columns that cannot hold their values. */
function cellsIn(write: Write, types: readonly TableColumn[]): { cells: unknown; misfits: string[] } {
  const stored = new Map(types.map(({ name, type }) => [name, { type, cell: cellWriterOf(baseOf(type)) }]));
  const misfits = new Set<string>();
  return { cells: cellsOf(write, stored, misfits), misfits: [...misfits] };
}

/** The cell of column v, `misfit` where its type cannot hold the value. `type` is that of a table made for it by default. */
function cellOf(column: Partial<Column> & { kind: ValueKind }, value: Value, type?: string): unknown {
  const row = { id: 1, v: value };
  const target = { name: 't', table: tableOf(column) };
  const types = columnsOfTable(target.table).map((one) =>
    one.name === 'v' ? { ...one, type: type ?? one.type } : one,
  );
  const write: Write = { op: 'upsert', target, key: { id: 1 }, row, position: makePosition(8n, 1) };
  const { cells, misfits } = cellsIn(write, types);
  return misfits.includes('v') ? 'misfit' : (cells as unknown[])[1];
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
  expect(columnsOfTable(tableOf(column))[1]).toEqual({ name: 'v', type });
});

test('key columns are not Nullable, and version and mark come last', () => {
  const table = { ...tableOf({ kind: 'enum' }), key: ['v', 'id'] };
  expect(columnsOfTable(table)).toEqual([
    { name: 'id', type: 'Int64' },
    { name: 'v', type: 'LowCardinality(String)' },
    { name: '__pos', type: 'UInt128' },
    { name: '__deleted', type: 'UInt8' },
  ]);
});

test('a column that the operator wants as text is a String, in the key too', () => {
  const table = { ...tableOf({ kind: 'date' }, { kind: 'timestamp', name: 'w' }), key: ['v'] };
  const columns = columnsOfTable(table, new Set(['t.v', 't.w', 'other.id']));
  expect(columns.slice(0, 3).map(({ type }) => type)).toEqual([
    'Nullable(Int32)',
    'String',
    'Nullable(String)',
  ]);
});

test('a column with an internal name is refused', () => {
  expect(() => columnsOfTable(tableOf({ name: '__deleted', kind: 'int4' }))).toThrow(
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
    [{ kind: 'timestamp' }, '1900-01-01T00:00:00', '1900-01-01 00:00:00.000000'],
    [{ kind: 'timestamptz' }, '2299-12-31T23:59:59.999999Z', '2299-12-31 23:59:59.999999'],
    [{ kind: 'bytea' }, Uint8Array.from([0, 255]), 'AP8='],
    [{ kind: 'text' }, null, null],
  ])('%o %s becomes %s', (column, value, cell) => {
    expect(cellOf(column, value)).toEqual(cell);
  });

  test.each<[Partial<Column> & { kind: ValueKind }, Value]>([
    [decimal(10, 2), 'NaN'],
    [decimal(10, 2), '0.001'],
    [decimal(10, 2), '123456789.00'],
    [{ kind: 'date' }, '1899-12-31'],
    [{ kind: 'date' }, '2300-01-01'],
    [{ kind: 'date' }, '0044-03-15 BC'],
    [{ kind: 'timestamp' }, '12024-01-01T00:00:00'],
    [{ kind: 'timestamp' }, 'infinity'],
  ])('%o %s does not fit its type, and its text is held by a String', (column, value) => {
    expect(cellOf(column, value)).toBe('misfit');
    expect(cellOf(column, value, 'Nullable(String)')).toBeTypeOf('string');
  });

  test.each<[ValueKind, Value, string, unknown]>([
    ['int4', 5, 'Nullable(Int64)', '5'],
    ['int8', 2147483648n, 'Nullable(Int32)', 'misfit'],
    ['int8', 5n, 'Nullable(Int32)', '5'],
    ['text', '5', 'Nullable(Int32)', '5'],
    ['text', '05', 'Nullable(Int32)', 'misfit'],
    ['numeric', '1.50', 'Nullable(Float64)', '1.50'],
    ['numeric', '100', 'Nullable(Float64)', '100'],
    ['numeric', '9007199254740993', 'Nullable(Float64)', 'misfit'],
    ['float8', 0.1, 'Nullable(Float32)', 'misfit'],
    ['float8', 0.5, 'Nullable(Float32)', '0.5'],
    ['text', 'true', 'Nullable(Bool)', true],
    ['text', 'yes', 'Nullable(Bool)', 'misfit'],
    ['boolean', false, 'Nullable(String)', 'false'],
    ['date', '2024-02-29', "Nullable(DateTime64(6, 'UTC'))", '2024-02-29 00:00:00.000000'],
    ['timestamp', '2024-02-29T00:00:00', 'Nullable(Date32)', '2024-02-29'],
    ['timestamp', '2024-02-29T00:00:01', 'Nullable(Date32)', 'misfit'],
    ['timestamptz', '2024-02-29T12:00:00.5Z', 'Nullable(String)', '2024-02-29 12:00:00.500000'],
    ['timestamptz', '0044-03-15T12:00:00Z BC', 'Nullable(String)', '0044-03-15 12:00:00.000000 BC'],
    ['text', '2024-02-29T12:00:00.5Z', 'LowCardinality(Nullable(String))', '2024-02-29T12:00:00.5Z'],
    ['text', 'no uuid', 'Nullable(UUID)', 'misfit'],
    ['int4', 5, 'Nullable(Int128)', 'misfit'],
  ])('%s %s becomes a cell of %s, whatever its own schema says', (kind, value, type, cell) => {
    expect(cellOf({ kind }, value, type)).toEqual(cell);
  });

  test.each<[Partial<Column> & { kind: ValueKind }, Value]>([
    [{ kind: 'boolean' }, 'masked'],
    [{ kind: 'int2' }, 32768],
    [{ kind: 'int4' }, 'masked'],
    [{ kind: 'int8' }, 9223372036854775808n],
    [{ kind: 'float8' }, 'masked'],
    [decimal(10, 2), 'masked'],
    [{ kind: 'uuid' }, 'masked'],
    [{ kind: 'date' }, 'masked'],
  ])('%o refuses %s, which Postgres could not have there, and does not quote it', (column, value) => {
    const refused = (): unknown => cellOf(column, value);
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'SINK_EVENT_REJECTED',
        message: expect.stringMatching(new RegExp(`^a value of column v \\(${column.kind}\\)`)),
      }),
    );
    expect(refused).not.toThrow(String(value));
  });

  test('a value that does not fit its key column is refused with the way on', () => {
    const table = { ...tableOf({ kind: 'date' }), key: ['v'] };
    const row = { v: 'infinity' };
    const write: Write = {
      op: 'upsert',
      target: { name: 't', table },
      key: row,
      row,
      position: makePosition(8n, 1),
    };
    expect(() => cellsIn(write, columnsOfTable(table))).toThrow(
      expect.objectContaining({
        code: 'SINK_EVENT_REJECTED',
        fix: expect.stringContaining('textColumns: [t.v]'),
      }),
    );
  });

  test('a delete holds the key, the version and the mark alone', () => {
    const position = makePosition(0x1234n, 7);
    const target = { name: 't', table: tableOf({ kind: 'text' }) };
    const write: Write = { op: 'delete', target, key: { id: 5 }, position };
    const { cells } = cellsIn(write, columnsOfTable(target.table));
    expect(cells).toEqual(['5', null, BigInt(`0x${position}`).toString(), 1]);
  });
});
