import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { avroEncoder, decodeAvroEnvelope, decodeAvroKey } from './avro-codec.ts';
import { avroSchemas } from './avro-schema.ts';
import { compileAvro } from './avro-types.ts';
import type { ChangeEvent } from './change-event.ts';
import type { DecodedEnvelope, EncodedEvent } from './envelope.ts';
import { withExactValues } from './exact-values.ts';
import { decodeJsonEnvelope, decodeJsonKey } from './json-reader.ts';
import { jsonEncoder, jsonSchemaEncoder } from './json-writer.ts';
import { makePosition } from './position.ts';
import { shortestFloat } from './shortest-float.ts';
import type { Column, TableSchema } from './table-schema.ts';
import { dateOfDay, timeOfMicros, timestampOfMicros } from './temporal-number.ts';
import { VALUE_KINDS, type Row, type Value, type ValueKind } from './value.ts';

/** Long enough that their lengths take one byte and two. */
const text = fc.string({ unit: 'binary', maxLength: 200, size: 'max' });
const dates = fc.integer({ min: -2_440_588, max: 2_145_042_905 }).map(dateOfDay);
const timestamps = fc
  .bigInt({ min: -210_866_803_200_000_000n, max: 9_224_318_015_999_999_999n })
  .map(timestampOfMicros);
const infinite = fc.constantFrom('infinity', '-infinity');
/** What a transform may have made of a value: no text that Postgres prints for the type. */
const FOREIGN = ['', '2024-02-30', '24:00:01', '2024-02-29T12:00:00.500', '1e5', '-0.00', '٣'];
const foreign = fc.constantFrom(...FOREIGN);

const VALUES: Record<ValueKind, fc.Arbitrary<NonNullable<Value>>> = {
  boolean: fc.boolean(),
  int2: fc.integer({ min: -32_768, max: 32_767 }),
  int4: fc.integer(),
  int8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float4: fc.float().map(shortestFloat),
  float8: fc.double(),
  numeric: fc.oneof(
    fc
      .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.constantFrom(0, 2, 5))
      .map(([digits, scale]) => decimal(digits, scale)),
    fc.constantFrom('NaN', 'Infinity', '-Infinity', '0.00', '-0.01', '12', '12.5', '00.10'),
    foreign,
  ),
  text,
  uuid: fc.uuid(),
  enum: text,
  date: fc.oneof(dates, infinite, foreign),
  timestamp: fc.oneof(timestamps, infinite, foreign),
  timestamptz: fc.oneof(
    timestamps.map((moment) => moment.replace(/( BC)?$/, 'Z$1')),
    infinite,
  ),
  time: fc.oneof(fc.integer({ min: 0, max: 86_400_000_000 }).map(timeOfMicros), foreign),
  timetz: fc.constantFrom('12:00:00.5+05:30', '00:00:00-15:59:59'),
  interval: fc.constantFrom('P1Y2M-3DT4H5M6.789S', 'infinity'),
  bytea: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  json: fc.json(),
  jsonb: fc.json(),
  other: text,
};

function decimal(digits: bigint, scale: number): string {
  const all = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  const sign = digits < 0n ? '-' : '';
  return scale === 0 ? sign + all : `${sign}${all.slice(0, -scale)}.${all.slice(-scale)}`;
}

const DECIMALS: readonly Partial<Column>[] = [
  {},
  { precision: 12, scale: 2 },
  { precision: 38, scale: 0 },
  { precision: 30, scale: 5 },
  { precision: 5, scale: -2 },
  { precision: 3, scale: 5 },
];

/** Every kind as a column, decimals in all their declarations. */
const columns: Column[] = VALUE_KINDS.flatMap((kind) =>
  (kind === 'numeric' ? DECIMALS : [{}]).map((declared, index) => ({
    name: `${kind}_${index} "ü"`,
    type: kind,
    kind,
    nullable: true,
    ...declared,
  })),
);
const id: Column = { name: 'id', type: 'int4', kind: 'int4', nullable: false };

function tableOf(column: Column, key = ['id']): TableSchema {
  return { schema: 'public', name: 't', columns: [id, column], key, foreignKeys: [] };
}

function eventOf(table: TableSchema, before: Row | null, after: Row, key: Row): ChangeEvent {
  return {
    table,
    op: 'u',
    key,
    before,
    after,
    position: makePosition(0xfedc_ba98_7654n, 7),
    source: {
      name: 'p',
      db: 'd',
      txId: 5,
      lsn: 2n ** 63n - 1n,
      tsUs: 1_790_000_000_123_456,
      snapshot: false,
    },
    tsMs: 1_790_000_000_456,
  };
}

interface Format {
  readonly encode: (event: ChangeEvent) => EncodedEvent;
  readonly envelope: (value: Buffer) => DecodedEnvelope;
  readonly key: (key: Buffer) => Row;
}

const FORMATS: [string, (table: TableSchema) => Format][] = [
  [
    'Avro',
    (table) => {
      const schemas = avroSchemas('p', table);
      const [keyType, valueType] = [compileAvro(schemas.key), compileAvro(schemas.value)];
      return {
        encode: avroEncoder({ key: 1, value: 2, truncateKey: 3 }, table).encode,
        envelope: (value) => decodeAvroEnvelope(valueType, table, value),
        key: (key) => decodeAvroKey(keyType, table, key),
      };
    },
  ],
  ['JSON', (table) => jsonFormat(table, jsonEncoder(table).encode)],
  ['JSON with schemas', (table) => jsonFormat(table, jsonSchemaEncoder('p', table).encode)],
];

function jsonFormat(table: TableSchema, encode: Format['encode']): Format {
  return {
    encode,
    envelope: (value) => decodeJsonEnvelope(table, value),
    key: (key) => decodeJsonKey(table, key),
  };
}

/** The envelope as a consumer has it, with what the header carries. */
function decoded(format: Format, table: TableSchema, { value, exactValues }: EncodedEvent): DecodedEnvelope {
  const envelope = format.envelope(Buffer.from(value));
  return exactValues === undefined ? envelope : withExactValues(table, envelope, exactValues);
}

describe.each(FORMATS)('in %s', (_name, formatOf) => {
  test.each(columns)(
    'every value of $name (precision $precision, scale $scale) comes back exactly',
    (column) => {
      const table = tableOf(column);
      const format = formatOf(table);
      const value = fc.option(VALUES[column.kind], { nil: null });
      fc.assert(
        fc.property(value, fc.option(value, { nil: undefined }), (now, old) => {
          const after = { id: 1, [column.name]: now };
          const before = old === undefined ? null : { id: 1, [column.name]: old };
          const encoded = format.encode(eventOf(table, before, after, { id: 1 }));
          const envelope = decoded(format, table, encoded);
          expect({ ...envelope.after }).toEqual(after);
          expect(envelope.before === null ? null : { ...envelope.before }).toEqual(before);
          expect(envelope).toMatchObject({ op: 'u', tsMs: 1_790_000_000_456 });
          expect(BigInt(String(envelope.source?.['lsn']))).toBe(2n ** 63n - 1n);
        }),
        { numRuns: 300 },
      );
    },
  );

  test.each(columns)('every value of $name (precision $precision, scale $scale) can be a key', (column) => {
    const table = tableOf(column, [column.name]);
    const format = formatOf(table);
    fc.assert(
      fc.property(VALUES[column.kind], (value) => {
        fc.pre(!isForeign(column, value));
        const row = { id: 1, [column.name]: value };
        const { key, exactValues } = format.encode(eventOf(table, null, row, { [column.name]: value }));
        expect({ ...format.key(Buffer.from(key)) }).toEqual({ [column.name]: value });
        expect(exactValues).toBeUndefined();
      }),
    );
  });
});

/** What Postgres never prints for a date or time is refused in a key. */
function isForeign({ kind }: Column, value: Value): boolean {
  return (kind === 'date' || kind === 'time') && FOREIGN.includes(String(value));
}
