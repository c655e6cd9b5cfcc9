import type { Column } from './table-schema.ts';

/** Avro's primitive types, as far as columns use them. */
export type Primitive = 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/**
 * What a column is on the wire: in Avro, and in JSON with schemas. The names are those that Debezium's Postgres connector
 * gives by default, so that Connect's converters and Debezium-aware sinks know what they read.
 */
export interface ColumnForm {
  readonly primitive: Primitive;
  /** Avro's logical type. */
  readonly logicalType?: 'decimal' | 'timestamp-micros' | 'time-micros' | 'uuid';
  /** The Connect schema's name. */
  readonly semanticName?: string;
  /** The Connect schema's parameters. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Digits in all and after the point; only with `decimal`. */
  readonly decimal?: { readonly precision: number; readonly scale: number };
  /** Connect's type where Avro has none that is as narrow. */
  readonly connectType?: 'int16';
  /** Which conversion leads from the event's text to the primitive; absent where the value is the primitive itself. */
  readonly conversion?: 'date' | 'time' | 'timestamp' | 'decimal';
}

const TEXT: ColumnForm = { primitive: 'string' };

/**
 * The form of a column. A key must hold every value of its column, which decimals (`NaN`) and 64 bits of microseconds (the
 * years after 294246) cannot, so these are text there.
 */
export function columnForm(column: Column, isKey: boolean): ColumnForm {
  switch (column.kind) {
    case 'boolean':
      return { primitive: 'boolean' };
    case 'int2':
      return { primitive: 'int', connectType: 'int16' };
    case 'int4':
      return { primitive: 'int' };
    case 'int8':
      return { primitive: 'long' };
    case 'float4':
      return { primitive: 'float' };
    case 'float8':
      return { primitive: 'double' };
    case 'bytea':
      return { primitive: 'bytes' };
    case 'numeric':
      return isKey ? TEXT : decimalForm(column);
    case 'date':
      // Not Avro's logical type too: Connect's Avro converters refuse it beside another name than Connect's own.
      return { primitive: 'int', semanticName: 'io.debezium.time.Date', conversion: 'date' };
    case 'time':
      return {
        primitive: 'long',
        logicalType: 'time-micros',
        semanticName: 'io.debezium.time.MicroTime',
        conversion: 'time',
      };
    case 'timestamp':
      if (isKey) return TEXT;
      return {
        primitive: 'long',
        logicalType: 'timestamp-micros',
        semanticName: 'io.debezium.time.MicroTimestamp',
        conversion: 'timestamp',
      };
    case 'timestamptz':
      return { primitive: 'string', semanticName: 'io.debezium.time.ZonedTimestamp' };
    case 'timetz':
      return { primitive: 'string', semanticName: 'io.debezium.time.ZonedTime' };
    case 'interval':
      return { primitive: 'string', semanticName: 'io.debezium.time.Interval' };
    case 'uuid':
      return { primitive: 'string', logicalType: 'uuid', semanticName: 'io.debezium.data.Uuid' };
    case 'enum':
      return { primitive: 'string', semanticName: 'io.debezium.data.Enum' };
    case 'json':
    case 'jsonb':
      return { primitive: 'string', semanticName: 'io.debezium.data.Json' };
    case 'other':
      return column.type === 'xml' ? { primitive: 'string', semanticName: 'io.debezium.data.Xml' } : TEXT;
    case 'text':
      return TEXT;
  }
}

function decimalForm({ precision, scale }: Column): ColumnForm {
  if (precision === undefined || scale === undefined || scale < 0 || scale > precision) return TEXT;
  return {
    primitive: 'bytes',
    logicalType: 'decimal',
    semanticName: 'org.apache.kafka.connect.data.Decimal',
    parameters: { scale: String(scale), 'connect.decimal.precision': String(precision) },
    decimal: { precision, scale },
    conversion: 'decimal',
  };
}
