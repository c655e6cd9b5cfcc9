import { describe, expect, test } from 'vitest';
import { columnSchema, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import type { TableColumn } from './column-type.ts';
import { tableOptionsSchema } from './config.ts';
import { columnsOf, putValueOf, storedColumnsOf } from './mapping.ts';
import { emptyBytes, putText } from './native-bytes.ts';
import { dayNumber, microsecondsOf } from './native-time.ts';
import { VERSION_COLUMNS } from './table-layout.ts';

function columnsOfTable(table: TableSchema, options = {}): readonly TableColumn[] {
  return columnsOf({ name: 't', table }, tableOptionsSchema.parse(options), VERSION_COLUMNS);
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

/**
 * The bytes of a value of column v in hexadecimal, those of a text as the text; `misfit` where the type cannot hold the value.
 * `type` is that of a table made for it by default.
 */
function bytesOf(
  column: Partial<Column> & { kind: ValueKind },
  value: Exclude<Value, null>,
  type?: string,
  key = 'id',
): string {
  const table = { ...tableOf(column), key: [key] };
  const [, described] = table.columns;
  const own = type ?? columnsOfTable(table)[1]?.type ?? '';
  const stored = storedColumnsOf([{ name: 'v', type: own }]).get('v');
  if (described === undefined || stored === undefined) throw new RangeError('no column v');
  const out = emptyBytes(0);
  if (!putValueOf({ name: 't', table }, described, stored)(out, value)) return 'misfit';
  const bytes = out.data.subarray(0, out.length);
  return stored.base === 'String' ? bytes.toString('utf8', 1) : bytes.toString('hex');
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

test('a column has the type that the operator chose for it, in the key too', () => {
  const table = { ...tableOf({ kind: 'date' }, { kind: 'numeric', name: 'w' }), key: ['v'] };
  const columns = columnsOfTable(table, { columnTypes: { v: 'String', w: 'Decimal(38,10)' } });
  expect(columns.slice(0, 3).map(({ type }) => type)).toEqual([
    'Nullable(Int32)',
    'String',
    'Nullable(Decimal(38, 10))',
  ]);
});

test('a text of few values is a LowCardinality where the operator says so', () => {
  expect(columnsOfTable(tableOf({ kind: 'text' }), { lowCardinality: ['v'] })[1]?.type).toBe(
    'LowCardinality(Nullable(String))',
  );
});

test('a column with an internal name is refused', () => {
  expect(() => columnsOfTable(tableOf({ name: '__deleted', kind: 'int4' }))).toThrow(
    expect.objectContaining({ code: 'SINK_SCHEMA_CONFLICT' }),
  );
});

describe('values', () => {
  test.each<[Partial<Column> & { kind: ValueKind }, Exclude<Value, null>, string]>([
    [{ kind: 'boolean' }, true, '01'],
    [{ kind: 'int2' }, -2, 'feff'],
    [{ kind: 'int4' }, -2147483648, '00000080'],
    [{ kind: 'int8' }, -9223372036854775808n, '0000000000000080'],
    [{ kind: 'int8' }, 258n, '0201000000000000'],
    [{ kind: 'float8' }, -0, '0000000000000080'],
    [{ kind: 'float4' }, -Infinity, '000080ff'],
    [decimal(9, 2), '-0.01', 'ffffffff'],
    [decimal(10, 2), '1.5000', '9600000000000000'],
    [decimal(18, 0), '-9007199254740993', 'ffffffffffffdfff'],
    [decimal(38, 2), '-1.00', '9cffffffffffffffffffffffffffffff'],
    [decimal(76, 0), '18446744073709551616', '0000000000000000' + '01' + '00'.repeat(23)],
    [{ kind: 'numeric' }, 'NaN', 'NaN'],
    [{ kind: 'uuid' }, '00112233-4455-6677-8899-AABBCCDDEEFF', '7766554433221100ffeeddccbbaa9988'],
    [{ kind: 'date' }, '1970-01-02', '01000000'],
    [{ kind: 'date' }, '1969-12-31', 'ffffffff'],
    [{ kind: 'timestamp' }, '1970-01-01T00:00:01.5', '60e3160000000000'],
    [{ kind: 'timestamptz' }, '1969-12-31T23:59:59.999999Z', 'ffffffffffffffff'],
    [
      { kind: 'timestamptz' },
      '2299-12-31T23:59:59.999999Z',
      hexOfMicroseconds('2299-12-31T23:59:59.999Z', 999n),
    ],
    [{ kind: 'bytea' }, Uint8Array.from([0, 255]), 'AP8='],
    [{ kind: 'text' }, 'ä€😀', 'ä€😀'],
  ])('%o %s becomes %s', (column, value, bytes) => {
    expect(bytesOf(column, value)).toBe(bytes);
  });

  test.each([0, 42, 43, 127, 128, 16_384])('a text of %i characters has its length before it', (length) => {
    for (const character of ['a', 'ä', '€']) {
      const out = emptyBytes(0);
      putText(out, character.repeat(length));
      const size = Buffer.byteLength(character) * length;
      const [head, count] = size < 128 ? [1, size] : size < 16_384 ? [2, size] : [3, size];
      expect(out.length).toBe(head + count);
      expect(out.data.toString('utf8', head, out.length)).toBe(character.repeat(length));
    }
  });

  test.each<[Partial<Column> & { kind: ValueKind }, string]>([
    [decimal(10, 2), 'NaN'],
    [decimal(10, 2), '0.001'],
    [decimal(10, 2), '123456789.00'],
    [{ kind: 'date' }, '1899-12-31'],
    [{ kind: 'date' }, '2300-01-01'],
    [{ kind: 'date' }, '0044-03-15 BC'],
    [{ kind: 'timestamp' }, '12024-01-01T00:00:00'],
    [{ kind: 'timestamp' }, 'infinity'],
  ])('%o %s does not fit its type, and its text is held by a String', (column, value) => {
    expect(bytesOf(column, value)).toBe('misfit');
    expect(bytesOf(column, value, 'Nullable(String)')).toMatch(/\S/);
  });

  test.each<[ValueKind, Exclude<Value, null>, string, string]>([
    ['int4', 5, 'Nullable(Int64)', '0500000000000000'],
    ['int8', 2147483648n, 'Nullable(Int32)', 'misfit'],
    ['int8', 5n, 'Nullable(Int32)', '05000000'],
    ['int8', -5n, 'Nullable(UInt64)', 'misfit'],
    ['numeric', '18446744073709551615', 'Nullable(UInt64)', 'ffffffffffffffff'],
    ['numeric', '18446744073709551616', 'Nullable(UInt64)', 'misfit'],
    ['numeric', '1.5', 'Nullable(UInt64)', 'misfit'],
    ['text', '5', 'Nullable(Int32)', '05000000'],
    ['text', '05', 'Nullable(Int32)', 'misfit'],
    ['float8', -0, 'Nullable(Int32)', 'misfit'],
    ['int4', 2147483647, 'Nullable(Float32)', 'misfit'],
    ['numeric', '0.50', 'Nullable(Float32)', '0000003f'],
    ['numeric', '9007199254740993', 'Nullable(Float64)', 'misfit'],
    ['float8', 0.1, 'Nullable(Float32)', 'misfit'],
    ['float8', 0.5, 'Nullable(Float32)', '0000003f'],
    ['text', 'true', 'Nullable(Bool)', '01'],
    ['text', 'yes', 'Nullable(Bool)', 'misfit'],
    ['boolean', false, 'Nullable(String)', 'false'],
    ['text', '2024-02-31', 'Nullable(Date32)', 'misfit'],
    ['timestamp', '1970-01-02T00:00:00', 'Nullable(Date32)', '01000000'],
    ['timestamp', '1970-01-02T00:00:01', 'Nullable(Date32)', 'misfit'],
    ['date', '1970-01-01', "Nullable(DateTime64(6, 'UTC'))", '0000000000000000'],
    ['timestamptz', '2024-02-29T12:00:00.5Z', 'Nullable(String)', '2024-02-29 12:00:00.500000'],
    ['timestamptz', '0044-03-15T12:00:00Z BC', 'Nullable(String)', '0044-03-15 12:00:00.000000 BC'],
    ['text', '2024-02-29T12:00:00.5Z', 'LowCardinality(Nullable(String))', '2024-02-29T12:00:00.5Z'],
    ['text', 'no uuid', 'Nullable(UUID)', 'misfit'],
    ['int4', 5, 'Nullable(Int128)', 'misfit'],
    ['float4', 0.1, 'Nullable(Float64)', '000000a09999b93f'],
    ['float4', -0, 'Nullable(Float64)', '0000000000000080'],
    ['float8', -0, 'Nullable(Decimal(9, 2))', 'misfit'],
    ['numeric', '1.50', 'Nullable(Decimal(9, 2))', '96000000'],
    ['text', '1.5', 'Nullable(Decimal(9, 2))', '96000000'],
    ['text', '-0.5', 'Nullable(Decimal(9, 2))', 'ceffffff'],
    ['text', '1.50', 'Nullable(Decimal(9, 2))', 'misfit'],
    ['text', '007', 'Nullable(Decimal(9, 2))', 'misfit'],
    ['text', '-0', 'Nullable(Decimal(9, 2))', 'misfit'],
    ['text', '0.5', 'Nullable(Float64)', '000000000000e03f'],
    ['text', '0.50', 'Nullable(Float64)', 'misfit'],
    ['text', '1e+21', 'Nullable(Float64)', 'misfit'],
    ['text', 'NaN', 'Nullable(Float64)', 'misfit'],
    ['text', '00112233-4455-6677-8899-aabbccddeeff', 'Nullable(UUID)', '7766554433221100ffeeddccbbaa9988'],
    ['text', '00112233-4455-6677-8899-AABBCCDDEEFF', 'Nullable(UUID)', 'misfit'],
    ['text', '1970-01-02', 'Nullable(Date32)', '01000000'],
    ['text', '1970-01-02T00:00:00', 'Nullable(Date32)', 'misfit'],
    ['text', '2024-02-29T12:00:00Z', "Nullable(DateTime64(6, 'UTC'))", 'misfit'],
  ])('%s %s is, in a column of %s, %s', (kind, value, type, bytes) => {
    expect(bytesOf({ kind }, value, type)).toBe(bytes);
  });

  test.each<[Partial<Column> & { kind: ValueKind }, Exclude<Value, null>]>([
    [{ kind: 'boolean' }, 'masked'],
    [{ kind: 'int2' }, 32768],
    [{ kind: 'int4' }, 'masked'],
    [{ kind: 'int8' }, 9223372036854775808n],
    [{ kind: 'float8' }, 'masked'],
    [decimal(10, 2), 'masked'],
    [{ kind: 'numeric' }, 'masked'],
    [{ kind: 'uuid' }, 'masked'],
    [{ kind: 'date' }, 'masked'],
  ])('%o refuses %s, which Postgres could not have there, and does not quote it', (column, value) => {
    const refused = (): unknown => bytesOf(column, value);
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'SINK_EVENT_REJECTED',
        message: expect.stringMatching(new RegExp(`^a value of column v \\(${column.kind}\\)`)) as string,
      }),
    );
    expect(refused).not.toThrow(String(value));
  });

  test('a value that does not fit its key column is refused with the way on', () => {
    expect(() => bytesOf({ kind: 'date' }, 'infinity', 'Date32', 'v')).toThrow(
      expect.objectContaining({
        code: 'SINK_EVENT_REJECTED',
        fix: expect.stringContaining('columnTypes: { v: String }') as string,
      }),
    );
  });

  test('days and times are those of the calendar, from 1900 to 2299', () => {
    const wrongDays: string[] = [];
    for (let day = Date.UTC(1900, 0, 1); day <= Date.UTC(2299, 11, 31); day += 86_400_000) {
      const text = new Date(day).toISOString();
      if (dayNumber(text) !== day / 86_400_000) wrongDays.push(text);
    }
    expect(wrongDays).toEqual([]);
    expect(microsecondsOf('2024-02-29T12:34:56.000001Z')?.whole).toBe(
      Date.UTC(2024, 1, 29, 12, 34, 56) * 1000 + 1,
    );
    for (const wrong of ['2024-02-30', '2023-02-29', '2024-13-01', '2024-00-01', '2024-01-00', '2024-1-001'])
      expect(dayNumber(wrong)).toBeNull();
    for (const wrong of ['24:00:00', '12:60:00', '12:00:60', '12:00', '12:00:00.', '12:00:00.1234567'])
      expect(microsecondsOf(`2024-02-29T${wrong}`)).toBeNull();
  });
});

function hexOfMicroseconds(text: string, more: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(Date.parse(text)) * 1000n + more);
  return bytes.toString('hex');
}
