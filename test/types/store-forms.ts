import { Binary } from 'mongodb';
import { types as neo4jTypes } from 'neo4j-driver';
import { baseOf } from '../../consumers/clickhouse/column-type.ts';
import { tableOptionsSchema } from '../../consumers/clickhouse/config.ts';
import { columnsOf, storedColumnsOf } from '../../consumers/clickhouse/mapping.ts';
import { encodeBlock } from '../../consumers/clickhouse/native-block.ts';
import { WRITES } from '../../consumers/clickhouse/rows.ts';
import { VERSION_COLUMNS } from '../../consumers/clickhouse/table-layout.ts';
import { fieldsOf } from '../../consumers/elasticsearch/fields.ts';
import { documentOf, documentShape } from '../../consumers/elasticsearch/mapping.ts';
import { mapWrite } from '../../consumers/mongodb/mapping.ts';
import { storeValue } from '../../consumers/neo4j/mapping.ts';
import { rowValues } from '../../consumers/redis/mapping.ts';
import type { Write } from '../../consumers/sink.ts';
import { avroEncoder } from '../../schemas/avro-codec.ts';
import { avroSchemas } from '../../schemas/avro-schema.ts';
import type { ChangeEvent } from '../../schemas/change-event.ts';
import { jsonEncoder } from '../../schemas/json-writer.ts';
import { makePosition } from '../../schemas/position.ts';
import type { Column, TableSchema } from '../../schemas/table-schema.ts';
import type { Value } from '../../schemas/value.ts';

/** The heads of the page's columns, in their order. */
export const PLACES = ['Avro', 'JSON', 'Elasticsearch', 'ClickHouse', 'MongoDB', 'Redis', 'Neo4j'] as const;
export type Place = (typeof PLACES)[number];
/** What a value is in each place, `rejected` where the sink's mapping refuses it. */
export type Forms = Readonly<Record<Place, string>>;

const POSITION = makePosition(1n, 1);

/** Asks the codecs and the sinks' own mappings what they make of a value in a column that is no key. */
export function formsOf(column: Column, value: NonNullable<Value>): Forms {
  const id: Column = { name: 'id', type: 'integer', kind: 'int4', nullable: false };
  const table: TableSchema = {
    schema: 'public',
    name: 'samples',
    columns: [id, { ...column, name: 'value' }],
    key: ['id'],
    foreignKeys: [],
  };
  const write: Write & { op: 'upsert' } = {
    op: 'upsert',
    target: { name: 'samples', table },
    key: { id: 1 },
    row: { id: 1, value },
    position: POSITION,
  };
  return {
    Avro: avroForm(table, value),
    JSON: jsonForm(JSON.parse(jsonText(table, value)), value),
    Elasticsearch: `\`${fieldsOf(table)['value']?.type}\`, ${jsonForm(JSON.parse(documentOf(write, documentShape(write.target, fieldTypes(table)), 0)), value)}`,
    ClickHouse: orRejected(() => clickhouseForm(write)),
    MongoDB: orRejected(() => mongodbForm(mapWrite(write).document?.['value'])),
    Redis: redisForm(write),
    Neo4j: orRejected(() => neo4jForm(storeValue(write.target, column, value, false))),
  };
}

function orRejected(form: () => string): string {
  try {
    return form();
  } catch {
    return 'rejected';
  }
}

interface AvroField {
  readonly name: string;
  readonly type: unknown;
}

function avroForm(table: TableSchema, value: NonNullable<Value>): string {
  const { exactValues } = avroEncoder({ key: 1, value: 2, truncateKey: 3 }, table).encode(
    eventOf(table, value),
  );
  if (exactValues !== undefined) return 'null, and the header';
  const envelope = avroSchemas('p', table).value as unknown as { fields: AvroField[] };
  const [, row] = typeOf(envelope.fields, 'before') as [string, { fields: AvroField[] }];
  const [, type] = typeOf(row.fields, 'value') as [string, unknown];
  if (typeof type === 'string') return `\`${type}\``;
  const { type: primitive, logicalType, 'connect.name': name } = type as AvroColumnType;
  const semantic = name?.split('.').at(-1);
  return [`\`${primitive}\``, logicalType, semantic].filter((part) => part !== undefined).join(', ');
}

interface AvroColumnType {
  readonly type: string;
  readonly logicalType?: string;
  readonly 'connect.name'?: string;
}

function typeOf(fields: readonly AvroField[], name: string): unknown {
  return fields.find((field) => field.name === name)?.type ?? [];
}

function jsonText(table: TableSchema, value: NonNullable<Value>): string {
  const { value: envelope } = jsonEncoder(table).encode(eventOf(table, value));
  const [, after] = /"after":(\{.*\}),"source":/s.exec(envelope.toString()) ?? [];
  return after ?? '{}';
}

function eventOf(table: TableSchema, value: NonNullable<Value>): ChangeEvent {
  return {
    table,
    op: 'c',
    key: { id: 1 },
    before: null,
    after: { id: 1, value },
    position: POSITION,
    source: { name: 'p', db: 'd', txId: 1, lsn: 1n, tsUs: 1, snapshot: false },
    tsMs: 1,
  };
}

function jsonForm(parsed: unknown, value: Value): string {
  const found: unknown = (parsed as { value?: unknown }).value;
  if (typeof found === 'string') return value instanceof Uint8Array ? 'base64' : 'text';
  return typeof value === 'string' ? 'JSON' : typeof found;
}

/** Elasticsearch's type of each field, as its sink learns it from the index. */
function fieldTypes(table: TableSchema): Map<string, string> {
  return new Map(Object.entries(fieldsOf(table)).map(([name, { type }]) => [name, type]));
}

/** The type without Nullable; a value that the type cannot hold makes the sink change the whole column. */
function clickhouseForm(write: Write): string {
  const columns = columnsOf(write.target, tableOptionsSchema.parse({}), VERSION_COLUMNS);
  const { misfits } = encodeBlock(write.target, storedColumnsOf(columns), WRITES, [write]);
  if (misfits.size > 0) return 'column becomes `String`';
  const type = columns.find(({ name }) => name === 'value')?.type ?? '';
  return `\`${type.startsWith('LowCardinality') ? `LowCardinality(${baseOf(type)})` : baseOf(type)}\``;
}

function mongodbForm(stored: unknown): string {
  if (typeof stored !== 'object' || stored === null) return typeof stored === 'string' ? 'string' : 'bool';
  if (stored instanceof Date) return 'Date';
  if (stored instanceof Binary) return 'Binary';
  if ('_bsontype' in stored) return String(stored._bsontype);
  return '__json' in stored ? '`{__json: text}`' : 'nested';
}

/** A hash holds texts alone; bytes and all else are told apart by what the text of one sample looks like. */
function redisForm(write: Write & { op: 'upsert' }): string {
  const [text] = rowValues(['value'], write.row).values;
  const value = write.row['value'];
  return value instanceof Uint8Array && text === Buffer.from(value).toString('base64') ? 'base64' : 'text';
}

function neo4jForm(stored: unknown): string {
  if (typeof stored === 'bigint') return 'Integer';
  if (typeof stored === 'number') return 'Float';
  if (typeof stored === 'boolean') return 'Boolean';
  if (typeof stored === 'string') return 'String';
  if (stored instanceof Int8Array) return 'ByteArray';
  if (stored instanceof neo4jTypes.Date) return 'Date';
  if (stored instanceof neo4jTypes.LocalDateTime) return 'LocalDateTime';
  return stored instanceof neo4jTypes.DateTime ? 'DateTime' : 'unknown';
}
