import type { Schema } from 'avsc';
import { avroNames, avroNamespace } from './avro-names.ts';
import { columnForm } from './column-form.ts';
import * as envelope from './envelope.ts';
import { columnOf, type Column, type TableSchema } from './table-schema.ts';

/**
 * The Avro schemas of a table's topic: Debezium's envelope with its names and namespaces, as Connect's Avro converter writes
 * it. Every column but the key's is nullable with default null, so that adding and dropping columns stays BACKWARD compatible.
 */
export interface AvroSchemas {
  readonly key: Schema;
  readonly value: Schema;
}

/** The schemas of a table's topic, to be registered as `<topic>-key` and `<topic>-value`. */
export function avroSchemas(pipeline: string, table: TableSchema): AvroSchemas {
  const namespace = avroNamespace(pipeline, table);
  const names = avroNames(table.columns);
  const field = (column: Column) => {
    const isKey = table.key.includes(column.name);
    const type = columnType(column, isKey);
    return {
      name: names.get(column.name),
      ...(isKey ? { type } : { type: ['null', type], default: null }),
    };
  };
  const record = (name: string, fields: readonly object[], version?: number) => ({
    type: 'record',
    name,
    namespace,
    fields,
    ...connect(`${namespace}.${name}`, version),
  });
  const row = record('Value', table.columns.map(field));
  const key = record(
    'Key',
    table.key.map((name) => field(columnOf(table, name))),
  );
  const value = record(
    'Envelope',
    [
      { name: 'before', type: ['null', row], default: null },
      { name: 'after', type: ['null', `${namespace}.Value`], default: null },
      { name: 'source', type: SOURCE },
      { name: 'transaction', type: ['null', TRANSACTION], default: null },
      { name: 'op', type: 'string' },
      { name: 'ts_ms', type: ['null', 'long'], default: null },
    ],
    envelope.ENVELOPE_VERSION,
  );
  return { key: key as Schema, value: value as Schema };
}

/** The key of every truncate, to be registered as `<pipeline>.tailrace.truncate-key`. */
export const AVRO_TRUNCATE_KEY = {
  type: 'record',
  name: 'Truncate',
  namespace: 'tailrace',
  fields: [{ name: '__op', type: 'string' }],
} as Schema;

const SOURCE = {
  type: 'record',
  name: 'Source',
  namespace: 'io.debezium.connector.postgresql',
  fields: envelope.SOURCE_FIELDS.map(envelopeField),
  ...connect(envelope.SOURCE_NAME, envelope.SOURCE_VERSION),
};

const TRANSACTION = {
  type: 'record',
  name: 'block',
  namespace: 'event',
  fields: envelope.TRANSACTION_FIELDS.map(envelopeField),
  ...connect(envelope.TRANSACTION_NAME, envelope.TRANSACTION_VERSION),
};

function envelopeField({ name, type, isOptional, allowed }: envelope.EnvelopeField): object {
  if (allowed !== undefined) {
    const enumeration = {
      type,
      'connect.parameters': { allowed: allowed.values },
      'connect.default': allowed.default,
      ...connect('io.debezium.data.Enum', 1),
    };
    return { name, type: [enumeration, 'null'], default: allowed.default };
  }
  return isOptional === true ? { name, type: ['null', type], default: null } : { name, type };
}

/** The Avro type of a column, without null. */
function columnType(column: Column, isKey: boolean): string | object {
  const { primitive, logicalType, decimal, connectType, semanticName, parameters } = columnForm(
    column,
    isKey,
  );
  if (connectType !== undefined) return { type: primitive, 'connect.type': connectType };
  if (semanticName === undefined) return primitive;
  return {
    type: primitive,
    ...(logicalType === undefined ? {} : { logicalType }),
    ...decimal,
    ...(parameters === undefined ? {} : { 'connect.parameters': parameters }),
    ...connect(semanticName, 1),
  };
}

function connect(name: string, version?: number): object {
  return { ...(version === undefined ? {} : { 'connect.version': version }), 'connect.name': name };
}
