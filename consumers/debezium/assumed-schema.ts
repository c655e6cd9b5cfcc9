import type { Column } from '../../schemas/table-schema.ts';
import type { ValueKind } from '../../schemas/value.ts';
import type { ConnectSchema } from './schema.ts';

const TYPES: Readonly<Partial<Record<ValueKind, ConnectSchema>>> = {
  boolean: { type: 'boolean' },
  int2: { type: 'int16' },
  int4: { type: 'int32' },
  int8: { type: 'int64' },
  float4: { type: 'float' },
  float8: { type: 'double' },
  bytea: { type: 'bytes' },
  uuid: { type: 'string', name: 'io.debezium.data.Uuid' },
  enum: { type: 'string', name: 'io.debezium.data.Enum' },
  date: { type: 'int32', name: 'io.debezium.time.Date' },
  timestamptz: { type: 'string', name: 'io.debezium.time.ZonedTimestamp' },
  timetz: { type: 'string', name: 'io.debezium.time.ZonedTime' },
  interval: { type: 'int64', name: 'io.debezium.time.MicroDuration' },
};

/**
 * What Debezium writes for a column with its default settings: `decimal.handling.mode=precise`, `time.precision.mode=adaptive`,
 * `interval.handling.mode=numeric`, `binary.handling.mode=bytes`. Records without schemas do not tell which were in use.
 */
export function assumedSchema(column: Column): ConnectSchema {
  return { ...typeOf(column), field: column.name, optional: column.nullable };
}

function typeOf({ kind, type, precision, scale }: Column): ConnectSchema {
  const isCoarse = precision !== undefined && precision <= 3;
  if (kind === 'numeric') return precision === undefined ? VARIABLE_SCALE : decimal(scale ?? 0);
  if (kind === 'timestamp')
    return {
      type: 'int64',
      name: isCoarse ? 'io.debezium.time.Timestamp' : 'io.debezium.time.MicroTimestamp',
    };
  if (kind === 'time')
    return isCoarse
      ? { type: 'int32', name: 'io.debezium.time.Time' }
      : { type: 'int64', name: 'io.debezium.time.MicroTime' };
  return kind === 'other' ? otherType(type) : (TYPES[kind] ?? { type: 'string' });
}

const VARIABLE_SCALE: ConnectSchema = { type: 'struct', name: 'io.debezium.data.VariableScaleDecimal' };

/** Postgres' JDBC driver takes the 11 bits of a negative scale for a positive one, and Debezium scales by that. */
function decimal(scale: number): ConnectSchema {
  const parameters = { scale: String(scale < 0 ? scale + 2048 : scale) };
  return { type: 'bytes', name: 'org.apache.kafka.connect.data.Decimal', parameters };
}

const ELEMENTS: Readonly<Record<string, ConnectSchema>> = {
  boolean: { type: 'boolean' },
  smallint: { type: 'int16' },
  integer: { type: 'int32' },
  bigint: { type: 'int64' },
  real: { type: 'float' },
  'double precision': { type: 'double' },
  date: { type: 'int32', name: 'io.debezium.time.Date' },
  bytea: { type: 'bytes' },
  numeric: VARIABLE_SCALE,
  'timestamp without time zone': { type: 'int64', name: 'io.debezium.time.MicroTimestamp' },
  'time without time zone': { type: 'int64', name: 'io.debezium.time.MicroTime' },
  'time with time zone': { type: 'string', name: 'io.debezium.time.ZonedTime' },
  'timestamp with time zone': { type: 'string', name: 'io.debezium.time.ZonedTimestamp' },
};

function otherType(type: string): ConnectSchema {
  if (type.endsWith('[]')) {
    const element = type.slice(0, -2);
    const [, scale] = /^numeric\(\d+,(-?\d+)\)$/.exec(element) ?? [];
    return {
      type: 'array',
      items: scale === undefined ? (ELEMENTS[element] ?? { type: 'string' }) : decimal(Number(scale)),
    };
  }
  if (type === 'point') return { type: 'struct', name: 'io.debezium.data.geometry.Point' };
  if (type === 'hstore') return { type: 'map' };
  if (type === 'bit(1)' || type === 'bit') return { type: 'boolean' };
  const [, length] = /^bit(?: varying)?\((\d+)\)$/.exec(type) ?? [];
  return length === undefined
    ? { type: 'string' }
    : { type: 'bytes', name: 'io.debezium.data.Bits', parameters: { length } };
}
