import { avroNamespace } from './avro-names.ts';
import { columnForm, type Primitive } from './column-form.ts';
import * as envelope from './envelope.ts';
import { columnOf, type Column, type TableSchema } from './table-schema.ts';

/**
 * The schema blocks of a table's JSON records, as Connect's JsonConverter writes them (`schemas.enable=true`): the names and
 * types are those of the Avro schemas, column names are the source's own.
 */
export interface ConnectSchemas {
  readonly key: object;
  readonly value: object;
  readonly truncateKey: object;
}

export function connectSchemas(pipeline: string, table: TableSchema): ConnectSchemas {
  const namespace = avroNamespace(pipeline, table);
  const column = (each: Column) => columnField(each, table.key.includes(each.name));
  const row = (field: string) => ({
    ...struct(`${namespace}.Value`, table.columns.map(column)),
    optional: true,
    field,
  });
  const key = table.key.map((name) => column(columnOf(table, name)));
  return {
    key: struct(`${namespace}.Key`, key),
    value: {
      ...struct(`${namespace}.Envelope`, [
        row('before'),
        row('after'),
        {
          ...struct(envelope.SOURCE_NAME, envelope.SOURCE_FIELDS.map(envelopeField)),
          version: envelope.SOURCE_VERSION,
          field: 'source',
        },
        {
          ...struct(envelope.TRANSACTION_NAME, envelope.TRANSACTION_FIELDS.map(envelopeField)),
          optional: true,
          version: envelope.TRANSACTION_VERSION,
          field: 'transaction',
        },
        envelopeField({ name: 'op', type: 'string' }),
        envelopeField({ name: 'ts_ms', type: 'long', isOptional: true }),
      ]),
      version: envelope.ENVELOPE_VERSION,
    },
    truncateKey: struct('tailrace.Truncate', [envelopeField({ name: '__op', type: 'string' })]),
  };
}

/** Connect's names of Avro's types. */
const CONNECT_TYPES: Record<Primitive, string> = {
  boolean: 'boolean',
  int: 'int32',
  long: 'int64',
  float: 'float',
  double: 'double',
  bytes: 'bytes',
  string: 'string',
};

function struct(name: string, fields: readonly object[]): object {
  return { type: 'struct', fields, optional: false, name };
}

function columnField(column: Column, isKey: boolean): object {
  const { primitive, connectType, semanticName, parameters } = columnForm(column, isKey);
  return {
    type: connectType ?? CONNECT_TYPES[primitive],
    optional: !isKey,
    ...(semanticName === undefined ? {} : { name: semanticName, version: 1 }),
    ...(parameters === undefined ? {} : { parameters }),
    field: column.name,
  };
}

function envelopeField({ name, type, isOptional, allowed }: envelope.EnvelopeField): object {
  return {
    type: CONNECT_TYPES[type],
    optional: isOptional === true,
    ...(allowed === undefined
      ? {}
      : {
          name: 'io.debezium.data.Enum',
          version: 1,
          parameters: { allowed: allowed.values },
          default: allowed.default,
        }),
    field: name,
  };
}
