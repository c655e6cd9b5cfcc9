import { decimalText, readTwosComplement } from '../../schemas/decimal-number.ts';
import { shortestFloat } from '../../schemas/shortest-float.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import { intervalFromIso, intervalFromMicros } from './interval.ts';
import type { ConnectSchema } from './schema.ts';
import { arrayText, bitText, hexText, mapText, pointText } from './text.ts';
import {
  dateFromDays,
  dateFromText,
  scaledBy,
  timeFromMicros,
  timeFromText,
  timestampFromMicros,
  timestampFromText,
  timestamptzFromText,
  timetzFromText,
  type Scale,
} from './time.ts';

/** A value as a converter brings it: of JSON (bytes are base64 text), or of Avro (bytes are bytes). Never null. */
export type Raw = unknown;

/** What a schema of Kafka Connect means as a column of Postgres. */
export interface Form {
  readonly kind: ValueKind;
  /** Postgres' spelling, as far as the schema tells it. */
  readonly type: string;
  readonly precision?: number;
  readonly scale?: number;
  /** Throws TypeError or RangeError on anything that is no such value; the message holds no value. */
  read(raw: Raw): Value;
}

/** By the semantic type; most are Debezium's own, some Kafka Connect's. */
const SEMANTIC: Readonly<Record<string, (schema: ConnectSchema) => Form>> = {
  'org.apache.kafka.connect.data.Decimal': decimal,
  'io.debezium.data.VariableScaleDecimal': () => ({ kind: 'numeric', type: 'numeric', read: variableScale }),
  'io.debezium.time.Date': () => date((raw) => dateFromDays(number(raw))),
  'org.apache.kafka.connect.data.Date': () => date((raw) => dateFromDays(number(raw))),
  'io.debezium.time.IsoDate': () => date((raw) => dateFromText(text(raw))),
  'io.debezium.time.Time': () => time('milli'),
  'io.debezium.time.MicroTime': () => time('micro'),
  'io.debezium.time.NanoTime': () => time('nano'),
  'org.apache.kafka.connect.data.Time': () => time('milli'),
  'io.debezium.time.IsoTime': () => ({
    kind: 'time',
    type: 'time without time zone',
    read: (raw) => timeFromText(text(raw)),
  }),
  'io.debezium.time.ZonedTime': () => ({
    kind: 'timetz',
    type: 'time with time zone',
    read: (raw) => timetzFromText(text(raw)),
  }),
  'io.debezium.time.Timestamp': () => timestamp('milli'),
  'io.debezium.time.MicroTimestamp': () => timestamp('micro'),
  'io.debezium.time.NanoTimestamp': () => timestamp('nano'),
  'org.apache.kafka.connect.data.Timestamp': () => timestamp('milli'),
  'io.debezium.time.IsoTimestamp': () => ({
    kind: 'timestamp',
    type: 'timestamp without time zone',
    read: (raw) => timestampFromText(text(raw)),
  }),
  'io.debezium.time.ZonedTimestamp': () => ({
    kind: 'timestamptz',
    type: 'timestamp with time zone',
    read: (raw) => timestamptzFromText(text(raw)),
  }),
  'io.debezium.time.MicroDuration': () => interval((raw) => intervalFromMicros(whole(raw))),
  'io.debezium.time.NanoDuration': () => interval((raw) => intervalFromMicros(whole(raw) / 1000n)),
  'io.debezium.time.Interval': () => interval((raw) => intervalFromIso(text(raw))),
  'io.debezium.data.Uuid': () => ({ kind: 'uuid', type: 'uuid', read: text }),
  'io.debezium.data.Json': json,
  'io.debezium.data.Enum': () => ({ kind: 'enum', type: 'enum', read: text }),
  'io.debezium.data.Xml': () => other('xml', text),
  'io.debezium.data.Ltree': () => other('ltree', text),
  'io.debezium.data.TsVector': () => other('tsvector', text),
  'io.debezium.data.Bits': ({ parameters }) =>
    other('bit varying', (raw) => bitText(bytes(raw), Number(parameters?.['length'] ?? 0))),
  'io.debezium.data.geometry.Point': () => other('point', (raw) => pointText(object(raw))),
  'io.debezium.data.geometry.Geometry': () => other('geometry', wkbText),
  'io.debezium.data.geometry.Geography': () => other('geography', wkbText),
};

/** What a field means; throws TypeError for a type that has no meaning in Postgres or that Debezium is new to. */
export function formOf(schema: ConnectSchema): Form {
  const semantic = schema.name === undefined ? undefined : SEMANTIC[schema.name];
  if (semantic !== undefined) return semantic(schema);
  switch (schema.type) {
    case 'boolean':
      return { kind: 'boolean', type: 'boolean', read: boolean };
    case 'int8':
    case 'int16':
      return { kind: 'int2', type: 'smallint', read: number };
    case 'int32':
      return { kind: 'int4', type: 'integer', read: number };
    case 'int64':
      return { kind: 'int8', type: 'bigint', read: whole };
    case 'float':
    case 'float32':
      return { kind: 'float4', type: 'real', read: (raw) => shortestFloat(Math.fround(float(raw))) };
    case 'double':
    case 'float64':
      return { kind: 'float8', type: 'double precision', read: float };
    case 'string':
      return { kind: 'text', type: 'text', read: text };
    case 'bytes':
      return { kind: 'bytea', type: 'bytea', read: bytes };
    case 'array':
      return arrayForm(schema);
    case 'map':
      return other('hstore', (raw) => mapText(object(raw)));
    default:
      throw new TypeError(
        `Debezium's type ${schema.name ?? schema.type} is not understood (see docs/debezium.md for the types that are)`,
      );
  }
}

function arrayForm({ items }: ConnectSchema): Form {
  if (items === undefined) throw new TypeError('an array without a type for its elements');
  const element = formOf(items);
  return other(`${element.type}[]`, (raw) => {
    if (!Array.isArray(raw)) throw new TypeError('expected an array');
    return arrayText(
      raw.map((each: unknown) => (each == null ? null : element.read(each))),
      element.kind,
    );
  });
}

function decimal({ parameters }: ConnectSchema): Form {
  const scale = Number(parameters?.['scale'] ?? 0);
  const precision = Number(parameters?.['connect.decimal.precision'] ?? Number.NaN);
  return {
    kind: 'numeric',
    type: Number.isNaN(precision) ? 'numeric' : `numeric(${precision},${scale})`,
    ...(!Number.isNaN(precision) && { precision, scale }),
    read: (raw) => digitsOf(bytes(raw), scale),
  };
}

function variableScale(raw: Raw): string {
  const { scale, value } = object(raw);
  return digitsOf(bytes(value), number(scale));
}

function digitsOf(unscaled: Uint8Array, scale: number): string {
  const value = readTwosComplement(unscaled, 0, unscaled.length);
  return scale >= 0 ? decimalText(value, scale) : String(BigInt(value) * 10n ** BigInt(-scale));
}

/** Which of the two it was only stands there when the connector is told to say it (`column.propagate.source.type`). */
function json({ parameters }: ConnectSchema): Form {
  const isBinary = parameters?.['__debezium.source.column.type']?.toLowerCase() === 'jsonb';
  return isBinary ? { kind: 'jsonb', type: 'jsonb', read: text } : { kind: 'json', type: 'json', read: text };
}

function date(read: (raw: Raw) => string): Form {
  return { kind: 'date', type: 'date', read };
}

function time(unit: Scale): Form {
  return {
    kind: 'time',
    type: 'time without time zone',
    ...(unit === 'milli' && { precision: 3 }),
    read: (raw) => timeFromMicros(scaledBy(whole(raw), unit)),
  };
}

function timestamp(unit: Scale): Form {
  return {
    kind: 'timestamp',
    type: unit === 'milli' ? 'timestamp(3) without time zone' : 'timestamp without time zone',
    ...(unit === 'milli' && { precision: 3 }),
    read: (raw) => timestampFromMicros(whole(raw), unit),
  };
}

function interval(read: (raw: Raw) => string): Form {
  return { kind: 'interval', type: 'interval', read };
}

function other(type: string, read: (raw: Raw) => string): Form {
  return { kind: 'other', type, read };
}

/** PostGIS prints geometries as hexadecimal EWKB, and Debezium brings these bytes. */
function wkbText(raw: Raw): string {
  return hexText(bytes(object(raw)['wkb'])).toUpperCase();
}

function text(raw: Raw): string {
  if (typeof raw === 'string') return raw;
  throw new TypeError(`expected a string, found ${typeof raw}`);
}

function boolean(raw: Raw): boolean {
  if (typeof raw === 'boolean') return raw;
  throw new TypeError(`expected a boolean, found ${typeof raw}`);
}

function number(raw: Raw): number {
  if (typeof raw === 'number' || typeof raw === 'bigint') return Number(raw);
  throw new TypeError(`expected a number, found ${typeof raw}`);
}

/** JSON has no number for NaN and the infinities: their names stand there as text. */
function float(raw: Raw): number {
  return typeof raw === 'string' ? Number(raw) : number(raw);
}

function whole(raw: Raw): bigint {
  if (typeof raw === 'bigint' || typeof raw === 'number') return BigInt(raw);
  throw new TypeError(`expected a whole number, found ${typeof raw}`);
}

function bytes(raw: Raw): Uint8Array {
  if (raw instanceof Uint8Array) return raw;
  return Buffer.from(text(raw), 'base64');
}

function object(raw: Raw): Readonly<Record<string, unknown>> {
  if (raw !== null && typeof raw === 'object') return raw as Record<string, unknown>;
  throw new TypeError(`expected an object, found ${typeof raw}`);
}
